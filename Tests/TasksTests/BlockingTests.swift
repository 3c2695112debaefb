import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Blocking work on threads, as its callers see it: S396 to S400, S402, S409, S336.
@Suite(.watched)
struct BlockingTests {
    enum Local { @TaskLocal static var value = 0 }

    @Test func `the value, or the error, comes back to the caller on its loop (S396)`() async throws
    {
        try await onLoop {
            let loop = EventLoop.current!
            let here = CurrentThread.identity
            let there = try await blocking {
                #expect(EventLoop.current == nil)
                return CurrentThread.identity
            }
            #expect(there != here)
            #expect(loop.isCurrent)
            await #expect(throws: Failure(number: 3)) {
                try await blocking { throw Failure(number: 3) }
            }
            #expect(loop.isCurrent)
        }
    }

    @Test func `the loop goes on while the work blocks`() async throws {
        try await onLoop {
            let gate = ThreadGate()
            let work = spawn { try await blocking { gate.wait() } }
            try await settle()
            #expect(!work.isFinished)
            gate.open()
            try await work.value
        }
    }

    @Test func `off any loop it works as well`() async throws {
        #expect(try await blocking { 5 } == 5)
        #expect(try await blocking { context in context.loop == nil })
        await #expect(throws: BlockingError.noLoop) {
            try await blocking { context in try context.run {} }
        }
    }

    @Test func `task-local values and the task's name are seen there (S397)`() async throws {
        try await onLoop {
            try await Local.$value.withValue(7) {
                let (value, name) = try await blocking(name: "work") { (Local.value, Task.name) }
                #expect(value == 7)
                #expect(name == "work")
                let changed = try await blocking { Local.$value.withValue(8) { Local.value } }
                #expect(changed == 8 && Local.value == 7)
            }
        }
    }

    @Test func `a cancellation does not abandon the work: its value comes back (S398, S402)`()
        async throws
    {
        try await onLoop {
            let gate = ThreadGate()
            let seen = Recorder<Bool>()
            let work = spawn {
                let value = try await blocking { context in
                    seen.append(context.isCancelled || Task.isCancelled)
                    gate.wait()
                    seen.append(context.isCancelled && Task.isCancelled)
                    return 4
                }
                #expect(Task.isCancelled)
                return value
            }
            try await until { seen.count == 1 }
            work.cancel()
            try await settle()
            #expect(!work.isFinished)
            gate.open()
            #expect(try await work.value == 4)
            #expect(seen.elements == [false, true])
        }
    }

    @Test func `work that looks at the cancellation ends in it (S402)`() async throws {
        try await onLoop {
            let running = ThreadGate()
            let work = spawn {
                try await blocking { context in
                    running.open()
                    while true { try context.checkCancelled() }
                }
            }
            try await blocking { running.wait() }
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
        }
    }

    @Test func `abandoned work runs on, keeps its thread, and its value is dropped (S399)`()
        async throws
    {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            let gate = ThreadGate()
            let running = Recorder<Int>()
            let abandoned = spawn {
                try await blocking(on: pool, abandonOnCancel: true) { context in
                    running.append(1)
                    gate.wait()
                    running.append(context.isCancelled ? 2 : 0)
                }
            }
            try await until { running.count == 1 }
            abandoned.cancel()
            await #expect(throws: CancellationError.self) { try await abandoned.value }
            #expect(pool.statistics.running == 1)
            let next = spawn { try await blocking(on: pool) { running.append(3) } }
            try await settle()
            #expect(!next.isFinished && pool.statistics.waiting == 1)
            gate.open()
            try await next.value
            #expect(running.elements == [1, 2, 3])
            #expect(pool.statistics.abandoned == 1)
        }
    }

    @Test func `abandonable work that is not cancelled gives its value or error`() async throws {
        try await onLoop {
            let value = try await blocking(abandonOnCancel: true) { 6 }
            #expect(value == 6)
            await #expect(throws: Failure(number: 6)) {
                try await blocking(abandonOnCancel: true) { throw Failure(number: 6) }
            }
        }
    }

    @Test func `the error of abandoned work is told to the loop's handler, once`() async throws {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, name in
            reported.append("\(name ?? ""): \(error)")
        }
        try await onLoop(configuration: configuration) {
            let pool = BlockingPool(threads: 1)
            let gate = ThreadGate()
            let running = ThreadGate()
            let work = spawn {
                try await blocking(on: pool, name: "lost", abandonOnCancel: true) {
                    running.open()
                    gate.wait()
                    throw Failure(number: 1)
                }
            }
            try await blocking { running.wait() }
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            gate.open()
            try await pool.shutdown()
            try await until { reported.count == 1 }
        }
        #expect(reported.elements == ["lost: Failure(number: 1)"])
    }

    @Test func `work that was cancelled before it began does not run (S400)`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            let ran = Recorder<Int>()
            for abandonOnCancel in [false, true] {
                let before = spawn {
                    TaskIdentity.current?.cancel()
                    try await blocking(on: pool, abandonOnCancel: abandonOnCancel) { ran.append(1) }
                }
                await #expect(throws: CancellationError.self) { try await before.value }
                let gate = ThreadGate()
                let first = spawn { try await blocking(on: pool) { gate.wait() } }
                try await settle()
                let waiting = spawn {
                    try await blocking(on: pool, abandonOnCancel: abandonOnCancel) { ran.append(2) }
                }
                try await settle()
                #expect(pool.statistics.waiting == 1)
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                #expect(pool.statistics.waiting == 0)
                gate.open()
                try await first.value
            }
            #expect(ran.count == 0)
        }
    }

    @Test func `cancellations race with the end of the work: one outcome each`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 2)
            for round in 0..<300 {
                let ran = Recorder<Int>()
                let work = spawn { () async throws -> Int in
                    try await blocking(on: pool, abandonOnCancel: round % 2 == 0) {
                        ran.append(round)
                        return round
                    }
                }
                for _ in 0..<(round % 5) { try await yield() }
                work.cancel()
                switch await work.result {
                case .success(let value): #expect(value == round && ran.count == 1)
                case .failure(let error): #expect(error is CancellationError)
                }
            }
            try await pool.shutdown()
            #expect(pool.statistics.running == 0)
        }
    }

    @Test func `loops share a pool, each gets its results on its own thread (S409)`() async throws {
        let loops = try (0..<3).map { _ in try EventLoop.start(configuration: .quiet) }
        let pool = BlockingPool(threads: 4)
        let tasks = loops.flatMap { loop in
            (0..<100).map { number in
                loop.spawn { () async throws -> Int in
                    let value = try await blocking(on: pool) { number }
                    #expect(loop.isCurrent)
                    return value
                }
            }
        }
        let sum = try await gather(tasks).reduce(0, +)
        #expect(sum == 3 * 4950)
        #expect(pool.statistics.ended == 300)
        for loop in loops { try await loop.shutdown() }
    }

    @Test func `a loop that stops waits for the work of its tasks`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let (running, gate) = (ThreadGate(), ThreadGate())
        let ended = Recorder<Int>()
        let work = loop.spawn { () async throws -> Int in
            try await blocking {
                running.open()
                gate.wait()
                ended.append(1)
                return 2
            }
        }
        try await blocking { running.wait() }
        loop.stop()
        while !(try await isClosing(loop)) {}
        #expect(ended.count == 0)
        gate.open()
        try await loop.shutdown()
        #expect(ended.count == 1)
        #expect(try await work.value == 2)
    }

    @Test func `the value of a task that the loop does not know comes after its end`() async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let (running, gate) = (ThreadGate(), ThreadGate())
        let work = Task(executorPreference: loop.taskExecutor) {
            try await blocking { context in
                running.open()
                gate.wait()
                #expect(throws: EventLoopError.stopped) { try context.run {} }
                return 3
            }
        }
        try await blocking { running.wait() }
        try await loop.shutdown()
        gate.open()
        #expect(try await work.value == 3)
    }

    @Test func `virtual time stands still while work is under way (S336)`() async throws {
        try await withVirtualTime {
            let gate = ThreadGate()
            let times = Recorder<Duration>()
            let sleeping = spawn {
                try await sleep(for: .seconds(1))
                times.append(VirtualTime.now)
            }
            let opening = try EventLoop.start(configuration: .quiet)
            opening.spawn {
                try await sleep(for: .milliseconds(20))
                gate.open()
            }
            try await blocking { context in
                gate.wait()
                // A call back lets time go on: the work waits for the loop.
                try context.run { try await sleep(for: .milliseconds(500)) }
            }
            #expect(VirtualTime.now == .milliseconds(500))
            #expect(times.count == 0)
            try await sleeping.value
            #expect(times.elements == [.seconds(1)])
            opening.stop()
        }
    }

    @Test func `work that nobody awaits any more holds virtual time until its end (S336)`()
        async throws
    {
        try await withVirtualTime {
            let pool = BlockingPool(threads: 1)
            let (running, gate) = (ThreadGate(), ThreadGate())
            let work = spawn {
                try await blocking(on: pool, abandonOnCancel: true) {
                    running.open()
                    gate.wait()
                }
            }
            try await blocking { running.wait() }
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            let sleeping = spawn { try await sleep(for: .seconds(1)) }
            try await settle()
            #expect(!sleeping.isFinished && VirtualTime.now == .zero)
            gate.open()
            try await sleeping.value
        }
    }

    private func isClosing(_ loop: EventLoop) async throws -> Bool {
        await Task.yield()
        return loop.core.phase != .open
    }
}
