import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Waiting for some of several tasks: S175, S202, S204, S205, S211.
@Suite(.watched)
struct WaitTests {
    @Test func `it waits for all by default, and cancels nothing`() async throws {
        try await onFakeClock {
            let quick = sleeper(1)
            let slow = sleeper(3)
            let failing = sleeper(2, fails: true)
            let (done, pending) = try await wait(for: [slow, quick, failing])
            #expect(fakeNow() == 3)
            #expect(numbers(done) == [3, 1, 2])
            #expect(pending.isEmpty)
            await #expect(throws: Failure(number: 2)) { try await failing.value }
            #expect(!slow.isCancelled)
        }
    }

    @Test func `the first to end is enough, if that is asked for`() async throws {
        try await onFakeClock {
            let tasks = [sleeper(3), sleeper(1, fails: true), sleeper(2)]
            let (done, pending) = try await wait(for: tasks, until: .firstCompleted)
            #expect(fakeNow() == 1)
            #expect(numbers(done) == [1])
            #expect(numbers(pending) == [3, 2])
            let (all, none) = try await wait(for: pending)
            #expect(numbers(all) == [3, 2] && none.isEmpty)
            await #expect(throws: Failure.self) { try await done[0].value }
        }
    }

    @Test func `tasks that have ended before the call end it at once`() async throws {
        try await onFakeClock {
            let ended = sleeper(0)
            _ = await ended.result
            let (done, pending) = try await wait(for: [sleeper(5), ended], until: .firstCompleted)
            #expect(numbers(done) == [0] && numbers(pending) == [5])
            #expect(fakeNow() == 0)
            let (alsoDone, _) = try await wait(for: [ended])
            #expect(numbers(alsoDone) == [0])
        }
    }

    @Test func `an error ends the wait for the first error, values do not (S202)`() async throws {
        try await onFakeClock {
            let tasks = [sleeper(1), sleeper(2, fails: true), sleeper(3)]
            let (done, pending) = try await wait(for: tasks, until: .firstError)
            #expect(fakeNow() == 2)
            #expect(numbers(done) == [1, 2] && numbers(pending) == [3])
            for task in done { _ = await task.result }
        }
    }

    @Test func `without an error the wait for the first error is one for all (S202)`() async throws
    {
        try await onFakeClock {
            let (done, pending) = try await wait(
                for: [sleeper(1), sleeper(2)], until: .firstError)
            #expect(fakeNow() == 2)
            #expect(numbers(done) == [1, 2] && pending.isEmpty)
        }
    }

    @Test func `a task that had failed ends the wait for the first error at once (S202)`()
        async throws
    {
        try await onFakeClock {
            let failed = sleeper(0, fails: true)
            _ = await failed.result
            let (done, pending) = try await wait(for: [sleeper(9), failed], until: .firstError)
            #expect(fakeNow() == 0)
            #expect(numbers(done) == [0] && numbers(pending) == [9])
        }
    }

    @Test func `a task that was cancelled counts as one that failed`() async throws {
        // asyncio does not count it; gather, here and there, does.
        try await onFakeClock {
            let cancelled = sleeper(8)
            let other = sleeper(9)
            cancelled.cancel()
            let (done, _) = try await wait(for: [other, cancelled], until: .firstError)
            #expect(numbers(done) == [8])
            #expect(fakeNow() == 0)
        }
    }

    @Test func `nothing to wait for is refused (S204)`() async throws {
        try await onFakeClock {
            let none: [TaskHandle<Int, any Error>] = []
            for condition in [WaitCondition.firstCompleted, .firstError, .allCompleted] {
                await #expect(throws: WaitError.noTasks) {
                    _ = try await wait(for: none, until: condition, timeout: .zero)
                }
            }
            #expect("\(WaitError.noTasks)" == "there is no task to wait for")
        }
    }

    @Test func `a task given twice counts once (S204)`() async throws {
        try await onFakeClock {
            let (one, two) = (sleeper(1), sleeper(2))
            let (done, pending) = try await wait(
                for: [one, two, one, one], until: .firstCompleted)
            #expect(numbers(done) == [1] && numbers(pending) == [2])
            let (all, _) = try await wait(for: [two, two, one])
            #expect(numbers(all) == [2, 1])
        }
    }

    @Test func `cancelling the caller leaves the tasks running, and forgets them (S205)`()
        async throws
    {
        try await onFakeClock {
            let tasks = [sleeper(1), sleeper(2)]
            let waiting = spawn { _ = try await wait(for: tasks, timeout: .seconds(9)) }
            try await settle()
            #expect(armedTimers() == 3)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(armedTimers() == 2)
            #expect(tasks.allSatisfy { !$0.isCancelled && !$0.isFinished })
            let values = try await gather(tasks)
            #expect(values == [1, 2])
        }
    }

    @Test func `a caller that was cancelled before does not wait`() async throws {
        try await onFakeClock {
            let ended = sleeper(0)
            _ = await ended.result
            for timeout in [nil, Duration.zero, .seconds(1)] {
                let waiting = spawn {
                    TaskIdentity.current?.cancel()
                    _ = try await wait(for: [ended], timeout: timeout)
                }
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
            #expect(fakeNow() == 0)
        }
    }

    @Test func `one that is cancelled in the step in which its task ends, in both orders (S223)`()
        async throws
    {
        try await withSeeds { seed in
            let gate = try AsyncSemaphore(0)
            let task = spawn(name: "task") { try await gate.acquire() }
            let waiting = spawn(name: "waiting") {
                let (done, _) = try await wait(for: [task])
                #expect(done.count == 1)
                return Task.isCancelled
            }
            let isCancelledFirst = seed % 2 == 0
            let canceller = TaskEnd { waiting.cancel() }
            if isCancelledFirst { _ = task.record.observe(canceller) }
            try await waitUntilAllBlocked()
            if !isCancelledFirst { _ = task.record.observe(canceller) }
            try gate.release()
            // Nothing hangs, the cancellation is not lost, and the task's result is there.
            if case .success(let wasCancelled) = await waiting.result { #expect(wasCancelled) }
            #expect(waiting.isCancelled)
            try await task.value
        }
    }

    @Test func `when the time is up it says who has ended, and cancels nobody`() async throws {
        try await onFakeClock {
            let tasks = [sleeper(1), sleeper(5)]
            let (done, pending) = try await wait(for: tasks, timeout: .seconds(2))
            #expect(fakeNow() == 2)
            #expect(numbers(done) == [1] && numbers(pending) == [5])
            #expect(!pending[0].isCancelled)
            #expect(armedTimers() == 1)
        }
    }

    @Test func `a task that ends exactly when the time is up is done, or pending, never lost`()
        async throws
    {
        try await onFakeClock {
            let task = sleeper(2)
            try await settle()
            let (done, pending) = try await wait(for: [task], timeout: .seconds(2))
            #expect(done.count + pending.count == 1)
            #expect(try await task.value == 2)
        }
    }

    @Test func `no time lets the others run once; an enormous one never ends`() async throws {
        try await onFakeClock {
            for timeout in [Duration.zero, .seconds(-3)] {
                let quick = spawn { 1 }
                let (done, _) = try await wait(for: [quick], timeout: timeout)
                #expect(done.count == 1)
            }
            let slow = sleeper(4)
            let (done, _) = try await wait(for: [slow], timeout: .seconds(Int64.max))
            #expect(done.count == 1)
            #expect(armedTimers() == 0)
        }
    }

    @Test func `an error that nobody looks at after the wait is reported`() async throws {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, _ in reported.append("\(error)") }
        try await onLoop(configuration: configuration) {
            do {
                let failing = spawn { throw Failure(number: 4) }
                _ = try await wait(for: [failing])
            }
            try await settle()
            #expect(reported.elements == ["Failure(number: 4)"])
        }
    }

    @Test(arguments: [0, 1, 3])
    func `an error after its waiters have gone is reported once (S211)`(waiters count: Int)
        async throws
    {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, _ in reported.append("\(error)") }
        try await onLoop(configuration: configuration) {
            let gate = try AsyncSemaphore(0)
            do {
                let inner = spawn {
                    try await gate.acquire()
                    throw Failure(number: 5)
                }
                let waiters = (0..<count).map { _ in spawn { _ = try await wait(for: [inner]) } }
                try await settle()
                for waiter in waiters { waiter.cancel() }
                for waiter in waiters {
                    await #expect(throws: CancellationError.self) { try await waiter.value }
                }
                #expect(!inner.isFinished && !inner.isCancelled)
            }
            #expect(reported.count == 0)
            try gate.release()
            try await settle()
            #expect(reported.elements == ["Failure(number: 5)"])
        }
        #expect(reported.count == 1)
    }

    @Test func `those who wait may go while the end of their task is told (S175)`() async throws {
        try await withSeeds { _ in
            let gate = try AsyncSemaphore(0)
            let task = spawn(name: "task") { try await gate.acquire() }
            let waiters = Recorder<TaskHandle<Int, any Error>>()
            // Between them: whoever is told of the end makes the others go, and some more come.
            func observe() -> TaskEnd {
                let end = TaskEnd {
                    for waiter in waiters.elements { waiter.cancel() }
                    _ = asCompleted([task])
                    #expect(task.record.observers.count == 0)
                }
                _ = task.record.observe(end)
                return end
            }
            var ends: [TaskEnd] = [observe()]
            for _ in 0..<5 {
                waiters.append(spawn { try await wait(for: [task]).done.count })
                try await waitUntilAllBlocked()
                ends.append(observe())
            }
            try gate.release()
            for waiter in waiters.elements {
                if case .success(let count) = await waiter.result { #expect(count == 1) }
            }
            try await task.value
            withExtendedLifetime(ends) {}
        }
    }

    @Test func `waiting again and again for a long-lived task leaves nothing in it`() async throws {
        try await onLoop {
            let long = spawn { try await sleep(for: .hour) }
            for _ in 0..<100 {
                let quick = spawn { () async throws -> Void in }
                let (done, _) = try await wait(for: [long, quick], until: .firstCompleted)
                #expect(done.count == 1)
            }
            #expect(long.record.observers.count == 0)
            long.cancel()
        }
    }

    @Test func `waiting again and again for a task of another loop leaves nothing either`()
        async throws
    {
        let other = try EventLoop.start(configuration: .quiet)
        let long = other.spawn { try await sleep(for: .hour) }
        try await onLoop {
            for _ in 0..<100 {
                let quick = spawn { () async throws -> Void in }
                let (done, _) = try await wait(for: [long, quick], until: .firstCompleted)
                #expect(done.count == 1)
            }
            for _ in 0..<20 { _ = asCompleted([long]) }
        }
        #expect(TaskRelay.observerCount(of: long.record) == 0)
        let (none, one) = try await wait(for: [long], timeout: .microseconds(10))
        #expect(none.isEmpty && one.count == 1)
        try await other.shutdown()
        let (done, _) = try await wait(for: [long])
        #expect(done.count == 1)
        while TaskRelay.observerCount(of: long.record) != nil { await Task.yield() }
    }

    @Test func `tasks of other loops, and callers on no loop`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let gate = try AsyncSemaphore(0)
        let tasks = loops.map { loop in
            loop.spawn { () async throws -> Int in
                try await gate.acquire()
                return 1
            }
        }
        let (none, two) = try await wait(for: tasks, timeout: .milliseconds(1))
        #expect(none.isEmpty && two.count == 2)
        try gate.release()
        let (one, other) = try await loops[0].run {
            try await wait(for: tasks, until: .firstCompleted)
        }
        #expect(one.count == 1 && other.count == 1)
        try gate.release()
        let (done, _) = try await wait(for: tasks)
        #expect(done.count == 2)
        for loop in loops { try await loop.shutdown() }
        let (late, _) = try await wait(for: tasks)
        #expect(late.count == 2)
    }

    @Test func `when the caller's loop stops, a wait of a task that it does not know ends`()
        async throws
    {
        let other = try EventLoop.start(configuration: .quiet)
        let foreign = other.spawn { try await sleep(for: .hour) }
        let loop = try EventLoop.start(configuration: .quiet)
        let waiting = Task(executorPreference: loop.taskExecutor) {
            _ = try await wait(for: [foreign])
        }
        while try await loop.run({ loop.core.sleeperCount == 0 }) {}
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await waiting.value }
        try await other.shutdown()
    }
}

/// Sleeps for seconds of fake time, and gives the number back, or fails with it.
private func sleeper(_ seconds: Int, fails: Bool = false) -> TaskHandle<Int, any Error> {
    spawn(name: "\(seconds)") {
        try await sleep(for: .seconds(seconds))
        if fails { throw Failure(number: seconds) }
        return seconds
    }
}

/// Runs a closure when a task ends.
final class TaskEnd: TaskObserver, @unchecked Sendable {
    private let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }

    override func taskFinished(_ record: TaskRecord) { body() }
}

private func numbers<Value, Error>(_ tasks: [TaskHandle<Value, Error>]) -> [Int] {
    tasks.compactMap { $0.name.flatMap { Int($0) } }
}
