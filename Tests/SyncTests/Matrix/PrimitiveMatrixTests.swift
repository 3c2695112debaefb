import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// What every primitive promises, asked of all of them in the same way.
@Suite(.watched)
struct PrimitiveMatrixTests {
    /// How a task ended, in a word.
    private func word(_ result: Result<Void, any Error>) -> String {
        switch result {
        case .success: "entered"
        case .failure(is CancellationError): "cancelled"
        case .failure(let error): "\(error)"
        }
    }

    /// Runs `body` on a real loop, and then on virtual time in many orders of the ready tasks.
    ///
    /// The bodies are short and there are a dozen, so each primitive has more than 1,000 such runs;
    /// `ASYNCCORE_SEEDS=1000` gives each body that many.
    private func onLoopAndSeeds(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await onLoop(body)
        try await withSeeds(100, options: .sharingTasks) { _ in try await body() }
    }

    /// Runs `body` with a subject that is occupied, and tasks that wait.
    private func withWaiting(
        _ subjectCase: SubjectCase, _ count: Int, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: @escaping @Sendable (Subject, [TaskHandle<Void, any Error>]) async throws -> Void
    ) async throws {
        try await onLoopAndSeeds {
            let subject = try subjectCase.make(count)
            try await subject.occupy()
            var tasks: [TaskHandle<Void, any Error>] = []
            for _ in 0..<count {
                tasks.append(spawn { try await subject.enter() })
                try await settle(4)
            }
            #expect(subject.waiting() == count, sourceLocation: sourceLocation)
            try await body(subject, tasks)
            #expect(subject.isFree(), sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `those who wait are let in, first come, first served (S1, S24, S26, S45, S64)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await onLoop {
            let subject = try subjectCase.make(5)
            try await subject.occupy()
            let order = Recorder<Int>()
            let tasks = (0..<5).map { index in
                spawn { try await subject.enter { order.append(index) } }
            }
            try await settle()
            #expect(subject.waiting() == 5)
            #expect(order.count == 0)
            try subject.handOver()
            for task in tasks { try await task.value }
            #expect(order.elements == [0, 1, 2, 3, 4])
            #expect(subject.isFree())
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `what is free is had in the same step, if the task is not cancelled (S18)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await onLoop {
            let subject = try subjectCase.make(1)
            guard let open = subject.open else { return }
            try open()
            let other = spawn {}
            let cancelled = spawn { try await subject.enter() }
            cancelled.cancel()
            try await subject.enter()
            #expect(!other.isFinished)
            try open()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            let hasEntered = try subject.tryEnter()
            #expect(hasEntered)
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `one who never has to wait lets others run all the same (S283)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await onLoopAndSeeds {
            let subject = try subjectCase.make(1)
            guard let open = subject.open else { return }
            let other = spawn {}
            while !other.isFinished {
                try open()
                try await subject.enter()
            }
        }
    }

    @Test(arguments: SubjectCase.all)
    func `what does not wait fails without a trace where it had to (S12)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await withWaiting(subjectCase, 2) { subject, tasks in
            let other = spawn {
                let hasEntered = try subject.tryEnter()
                #expect(!hasEntered)
                #expect(subject.waiting() == 2)
            }
            try await other.value
            try subject.handOver()
            #expect(tasks.allSatisfy { !$0.isFinished })
            for task in tasks { try await task.value }
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a task that is cancelled before it asks gets nothing`(of subjectCase: SubjectCase)
        async throws
    {
        try await withWaiting(subjectCase, 1) { subject, tasks in
            let cancelled = spawn { try await subject.enter() }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(subject.waiting() == 1)
            try subject.handOver()
            try await tasks[0].value
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a task that is cancelled while it waits leaves; others do not notice (S24, S42, S63)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await withWaiting(subjectCase, 3) { subject, tasks in
            tasks[1].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[1].value }
            #expect(subject.waiting() == 2)
            let another = spawn { try await subject.enter() }
            try await settle(4)
            #expect(subject.waiting() == 3)
            try subject.handOver()
            for task in [tasks[0], tasks[2], another] { try await task.value }
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier, [0, 1])
    func `cancelled, then handed over in one step: the others get it (S5, S6, S8, S42)`(
        of subjectCase: SubjectCase, cancelled: Int
    ) async throws {
        try await withWaiting(subjectCase, 2) { subject, tasks in
            tasks[cancelled].cancel()
            try subject.handOver()
            try await tasks[1 - cancelled].value
            await #expect(throws: CancellationError.self) { try await tasks[cancelled].value }
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier, [0, 1])
    func `handed over, then cancelled: a permit goes on, a value arrives (S5, S6, S25, S44, L1)`(
        of subjectCase: SubjectCase, cancelled: Int
    ) async throws {
        try await withWaiting(subjectCase, 2) { subject, tasks in
            try subject.handOver()
            tasks[cancelled].cancel()
            try await tasks[1 - cancelled].value
            let end = word(await tasks[cancelled].result)
            #expect(end == (subject.kind == .permit ? "cancelled" : "entered"))
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `all who wait are cancelled in the step of the hand-over: nothing is lost (L1, L3)`(
        of subjectCase: SubjectCase
    ) async throws {
        for isHandedOverFirst in [false, true] {
            try await withWaiting(subjectCase, 3) { subject, tasks in
                if isHandedOverFirst { try subject.handOver() }
                for task in tasks { task.cancel() }
                if !isHandedOverFirst { try subject.handOver() }
                for task in tasks { _ = await task.result }
            }
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `those who wait as it is closed get its error, and so do those who come (S52)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await onLoopAndSeeds {
            let subject = try subjectCase.make(3)
            guard let close = subject.close else { return }
            try await subject.occupy()
            let tasks = (0..<3).map { _ in spawn { try await subject.enter() } }
            try await settle()
            tasks[0].cancel()
            let error = "\(close())"
            tasks[1].cancel()
            let ends = await gatherResults(tasks).map { word($0) }
            #expect(ends == ["cancelled", error, error])
            #expect(subject.waiting() == 0)
            let late = spawn { try await subject.enter() }
            #expect(word(await late.result) == error)
            try subject.handOver()
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a failure of one inside does not keep others out`(of subjectCase: SubjectCase)
        async throws
    {
        struct Failure: Error {}
        try await onLoopAndSeeds {
            let subject = try subjectCase.make(2)
            try await subject.occupy()
            let failing = spawn { try await subject.enter { throw Failure() } }
            try await settle()
            let other = spawn { try await subject.enter() }
            try await settle()
            try subject.handOver()
            await #expect(throws: Failure.self) { try await failing.value }
            try await other.value
            #expect(subject.isFree())
        }
    }
}
