import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncQueueEndTests {
    // MARK: - Work that is done

    @Test func `join returns at once if nothing was ever put (S92)`() async throws {
        try await AsyncQueue<Int>(capacity: 1).join()
    }

    @Test func `join returns when every element was reported as done, not before (S92)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 3)
            for number in 0..<3 { try await queue.put(number) }
            let joining = (0..<2).map { _ in spawn { try await queue.join() } }
            for _ in 0..<3 {
                try await settle()
                #expect(!joining[0].isFinished && !joining[1].isFinished)
                _ = try await queue.get()
                try await settle()
                #expect(!joining[0].isFinished)
                try queue.taskDone()
            }
            _ = try await gather(joining)
            try await queue.join()
        }
    }

    @Test func `an element handed to a getter, or taken from a putter, is unfinished (S92)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn { try await queue.get() }
            try await settle()
            #expect(try queue.tryPut(1))
            #expect(queue.statistics.unfinished == 1)
            try await queue.put(2)
            let putter = spawn { try await queue.put(3) }
            try await settle()
            // It is not in the queue yet.
            #expect(queue.statistics.unfinished == 2)
            _ = try await queue.get()
            #expect(queue.statistics.unfinished == 3)
            _ = try await getter.value
            try await putter.value
        }
    }

    @Test func `taskDone too often is an error, and changes nothing`() throws {
        let queue = AsyncQueue<Int>(capacity: 1)
        #expect(throws: QueueError.taskDoneTooOften) { try queue.taskDone() }
        #expect(try queue.tryPut(1))
        try queue.taskDone()
        #expect(throws: QueueError.taskDoneTooOften) { try queue.taskDone() }
        #expect(queue.statistics.unfinished == 0)
        #expect(queue.count == 1)
    }

    // MARK: - Shutdown

    @Test func `after a shutdown what is there can be got, and then an error`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            try await queue.put(1)
            try await queue.put(2)
            queue.shutdown()
            await #expect(throws: QueueError.shutDown) { try await queue.put(3) }
            #expect(throws: QueueError.shutDown) { try queue.tryPut(3) }
            #expect(try await queue.get() == 1)
            #expect(try queue.tryGet() == 2)
            await #expect(throws: QueueError.shutDown) { try await queue.get() }
            #expect(throws: QueueError.shutDown) { try queue.tryGet() }
            await #expect(throws: QueueError.shutDown) { try await queue.get(upTo: 2) }
            #expect(queue.statistics.unfinished == 2)
            try queue.taskDone()
            try queue.taskDone()
            try await queue.join()
            queue.shutdown()
        }
    }

    @Test func `a shutdown fails putters that wait, and their elements were not put`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            try await queue.put(0)
            let putters = (1..<4).map { number in spawn { try await queue.put(number) } }
            try await settle()
            queue.shutdown()
            for putter in putters {
                await #expect(throws: QueueError.shutDown) { try await putter.value }
            }
            #expect(try await queue.get(upTo: 5) == [0])
        }
    }

    @Test(arguments: [false, true])
    func `a shutdown fails getters that wait`(immediate: Bool) async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getters = (0..<3).map { _ in spawn { try await queue.get() } }
            try await settle()
            queue.shutdown(immediate: immediate)
            for getter in getters {
                await #expect(throws: QueueError.shutDown) { try await getter.value }
            }
            #expect(queue.statistics.waitingGetters == 0)
        }
    }

    @Test func `an immediate shutdown drops what is left, and counts it as done (S96)`()
        async throws
    {
        try await onLoop {
            let alive = LiveCount()
            let queue = AsyncQueue<Tracked>(capacity: 2)
            for number in 0..<2 { try await queue.put(Tracked(number, alive)) }
            let putter = spawn { try await queue.put(Tracked(2, alive)) }
            let joining = spawn { try await queue.join() }
            try await settle()
            queue.shutdown(immediate: true)
            try await joining.value
            await #expect(throws: QueueError.shutDown) { try await putter.value }
            await #expect(throws: QueueError.shutDown) { try await queue.get() }
            await #expect(throws: QueueError.shutDown) { try await queue.put(Tracked(3, alive)) }
            #expect(queue.isEmpty)
            try await settle()
            #expect(alive.value == 0)
        }
    }

    @Test func `an immediate shutdown does not count what was got and not reported (S97)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 3)
            for number in 0..<3 { try await queue.put(number) }
            _ = try await queue.get()
            let joining = spawn { try await queue.join() }
            try await settle()
            queue.shutdown(immediate: true)
            try await settle()
            #expect(!joining.isFinished)
            #expect(queue.statistics.unfinished == 1)
            try queue.taskDone()
            try await joining.value
            #expect(throws: QueueError.taskDoneTooOften) { try queue.taskDone() }
        }
    }

    @Test func `a graceful shutdown can be made immediate`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            try await queue.put(1)
            queue.shutdown()
            queue.shutdown(immediate: true)
            await #expect(throws: QueueError.shutDown) { try await queue.get() }
            try await queue.join()
        }
    }

    @Test func `an element handed over before the shutdown is delivered`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn { try await queue.get() }
            try await settle()
            #expect(try queue.tryPut(1))
            queue.shutdown(immediate: true)
            #expect(try await getter.value == 1)
            try queue.taskDone()
        }
    }

    @Test(arguments: [false, true])
    func `shut down and cancelled in one step: what came first is what the task sees`(
        isShutDownFirst: Bool
    ) async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn { try await queue.get() }
            try await settle()
            if isShutDownFirst { queue.shutdown() }
            getter.cancel()
            if !isShutDownFirst { queue.shutdown() }
            let error = await #expect(throws: (any Error).self) { try await getter.value }
            #expect((error as? QueueError == .shutDown) == isShutDownFirst)
            #expect((error is CancellationError) == !isShutDownFirst)
        }
    }

    @Test func `an element's own end may use the queue that drops it`() async throws {
        let alive = LiveCount()
        let queue = AsyncQueue<Tracked>(capacity: 2)
        let seen = Recorder<Int>()
        #expect(
            try queue.tryPut(Tracked(1, alive) { seen.append(queue.statistics.unfinished) }))
        queue.shutdown(immediate: true)
        #expect(alive.value == 0)
        #expect(seen.elements == [0])
    }

    @Test func `elements end with their queue`() throws {
        let alive = LiveCount()
        do {
            let queue = AsyncQueue<Tracked>(capacity: 2, order: .priority(by: \.number))
            #expect(try queue.tryPut(Tracked(1, alive)))
            #expect(try queue.tryPut(Tracked(2, alive)))
            #expect(alive.value == 2)
        }
        #expect(alive.value == 0)
    }

    // MARK: - The end of the loop

    @Test func `the end of the loop cancels tasks that wait`() async throws {
        let empty = AsyncQueue<Int>(capacity: 1)
        let full = AsyncQueue<Int>(capacity: 1)
        #expect(try full.tryPut(0))
        let ended = Recorder<String>()
        try await onLoop {
            spawn {
                do { _ = try await empty.get() } catch { ended.append("\(type(of: error))") }
            }
            spawn {
                do { try await full.put(1) } catch { ended.append("\(type(of: error))") }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError", "CancellationError"])
        #expect(empty.statistics.waitingGetters == 0)
        #expect(full.statistics.waitingPutters == 0)
        #expect(full.count == 1)
    }

    @Test func `a task whose loop has ended gets its element all the same`() async throws {
        let queue = AsyncQueue<Int>(capacity: 1)
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) { try await queue.get() }
        try await until { queue.statistics.waitingGetters == 1 }
        try await loop.shutdown()
        #expect(try queue.tryPut(1))
        #expect(try await late.value == 1)
    }

    @Test func `a queue made before any loop serves one loop after the other`() async throws {
        let queue = AsyncQueue<Int>(capacity: 1)
        for number in 0..<3 {
            try await onLoop {
                let getter = spawn { try await queue.get() }
                try await settle()
                try await queue.put(number)
                #expect(try await getter.value == number)
            }
        }
    }
}
