import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// What every primitive promises across loops, threads, and the end of a loop.
@Suite(.watched)
struct PrimitiveLoopsTests {
    @Test(arguments: SubjectCase.allAndBarrier)
    func `a task resumes on its own loop, also a plain one on none (S19)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await withLoops(2) { loops in
            let subject = try subjectCase.make(3)
            try await subject.occupy()
            let tasks = loops.map { loop in
                loop.spawn {
                    try await subject.enter()
                    return loop.isCurrent
                }
            }
            let plain = Task {
                try await subject.enter()
                return LoopCore.current == nil
            }
            try await until { subject.waiting() == 3 }
            try subject.handOver()
            for task in tasks { #expect(try await task.value) }
            #expect(try await plain.value)
            #expect(subject.isFree())
        }
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a plain task that waits on no loop can be cancelled (S19)`(of subjectCase: SubjectCase)
        async throws
    {
        let subject = try subjectCase.make(1)
        try await subject.occupy()
        let plain = Task { try await subject.enter() }
        try await until { subject.waiting() == 1 }
        plain.cancel()
        await #expect(throws: CancellationError.self) { try await plain.value }
        #expect(subject.waiting() == 0)
        try subject.handOver()
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `the end of a loop cancels those of its tasks that wait`(of subjectCase: SubjectCase)
        async throws
    {
        let subject = try subjectCase.make(1)
        try await subject.occupy()
        let ended = Recorder<String>()
        try await onLoop {
            spawn {
                do { try await subject.enter() } catch { ended.append("\(type(of: error))") }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError"])
        #expect(subject.waiting() == 0)
        try subject.handOver()
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a task whose loop has ended is let in all the same`(of subjectCase: SubjectCase)
        async throws
    {
        let subject = try subjectCase.make(1)
        try await subject.occupy()
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) {
            try await subject.enter()
            return LoopCore.current === loop.core
        }
        try await until { subject.waiting() == 1 }
        try await loop.shutdown()
        try subject.handOver()
        #expect(try await late.value)
        #expect(subject.isFree())
    }

    @Test(arguments: SubjectCase.allAndBarrier)
    func `a task whose loop has ended can be cancelled while it waits`(of subjectCase: SubjectCase)
        async throws
    {
        let subject = try subjectCase.make(1)
        try await subject.occupy()
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) { try await subject.enter() }
        try await until { subject.waiting() == 1 }
        try await loop.shutdown()
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(subject.waiting() == 0)
        try subject.handOver()
    }

    @Test(arguments: SubjectCase.all)
    func `cancel races with hand-over across threads: the others are let in (S6, S44, S57, L1)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await withLoops(2) { loops in
            for _ in 0..<100 {
                let subject = try subjectCase.make(3)
                try await subject.occupy()
                let tasks = (0..<3).map { index in
                    loops[index % 2].spawn { try await subject.enter() }
                }
                try await until { subject.waiting() == 3 }
                let cancelling = loops[1].spawn { tasks[0].cancel() }
                try subject.handOver()
                _ = await cancelling.result
                try await tasks[1].value
                try await tasks[2].value
                _ = await tasks[0].result
                #expect(subject.isFree())
            }
        }
    }

    @Test(arguments: SubjectCase.permits)
    func `many tasks on many threads exclude each other, and leave all free (S2, S57)`(
        of subjectCase: SubjectCase
    ) async throws {
        let subject = try subjectCase.make(0)
        let inside = Atomic<Int>(0)
        let entries = Atomic<Int>(0)
        try await withLoops(2) { loops in
            let work: @Sendable (Int) async throws -> Void = { index in
                for round in 0..<40 {
                    try await subject.enter {
                        let now = inside.add(1, ordering: .relaxed).newValue
                        #expect(now <= subject.limit)
                        if (index + round) % 5 == 0 { try await yield() }
                        inside.subtract(1, ordering: .relaxed)
                    }
                    entries.add(1, ordering: .relaxed)
                }
            }
            let tasks = (0..<12).map { index in
                loops[index % 2].spawn { try await work(index) }
            }
            try await work(100)
            for task in tasks { try await task.value }
        }
        #expect(entries.load(ordering: .relaxed) == 13 * 40)
        #expect(subject.isFree())
    }

    @Test(arguments: SubjectCase.permits)
    func `many tasks on many threads, and cancellations at any moment: nobody is stuck (S57, L1)`(
        of subjectCase: SubjectCase
    ) async throws {
        try await withLoops(2) { loops in
            for round in 0..<20 {
                let subject = try subjectCase.make(0)
                let tasks = (0..<8).map { index in
                    loops[index % 2].spawn {
                        for _ in 0..<10 { try await subject.enter { try await yield() } }
                    }
                }
                for (index, task) in tasks.enumerated() where (index + round) % 3 == 0 {
                    loops[(index + 1) % 2].spawn { task.cancel() }
                }
                for (index, task) in tasks.enumerated() {
                    let result = await task.result
                    if (index + round) % 3 != 0 { _ = try result.get() }
                }
                #expect(subject.isFree())
            }
        }
    }
}
