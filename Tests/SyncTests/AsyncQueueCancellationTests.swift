import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncQueueCancellationTests {
    @Test func `a task cancelled before it asks puts and gets nothing`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            try await queue.put(1)
            let putter = spawn { try await queue.put(2) }
            let getter = spawn { try await queue.get() }
            putter.cancel()
            getter.cancel()
            await #expect(throws: CancellationError.self) { try await putter.value }
            await #expect(throws: CancellationError.self) { try await getter.value }
            #expect(queue.statistics.count == 1)
            #expect(queue.statistics.put == 1)
        }
    }

    @Test func `a getter cancelled while it waits is not counted: the next gets it (S84)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let first = spawn { try await queue.get() }
            let second = spawn { try await queue.get() }
            try await settle()
            first.cancel()
            // In the same step: the first has not left the queue yet.
            #expect(try queue.tryPut(1))
            #expect(try await second.value == 1)
            await #expect(throws: CancellationError.self) { try await first.value }
        }
    }

    @Test func `the only getter is cancelled: the element stays for later ones (S84)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn { try await queue.get() }
            try await settle()
            getter.cancel()
            #expect(try queue.tryPut(1))
            #expect(queue.count == 1)
            await #expect(throws: CancellationError.self) { try await getter.value }
            #expect(try await queue.get() == 1)
        }
    }

    @Test(arguments: 0..<32)
    func `of many getters some are cancelled; the others get every element once (S85)`(mask: Int)
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 10)
            let getters = (0..<5).map { _ in spawn { try await queue.get() } }
            try await settle()
            for (index, getter) in getters.enumerated() where mask & (1 << index) != 0 {
                getter.cancel()
            }
            let survivors = 5 - mask.nonzeroBitCount
            for number in 0..<5 { try await queue.put(number) }
            let got = await gatherResults(getters).compactMap { try? $0.get() }
            #expect(got == Array(0..<survivors))
            #expect(queue.count == 5 - survivors)
        }
    }

    @Test func `a cancelled putter has put nothing, and the next one has its room (S86)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            try await queue.put(0)
            let first = spawn { try await queue.put(1) }
            let second = spawn { try await queue.put(2) }
            try await settle()
            first.cancel()
            #expect(try queue.tryGet() == 0)
            try await second.value
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(try queue.tryGet() == 2)
            #expect(queue.isEmpty)
        }
    }

    /// Elsewhere a woken putter puts by itself, and a cancellation can come in between. Here the
    /// element was taken over with the wake-up, so the call has succeeded, and a retry would put it
    /// twice; the cancellation is not lost, but seen at the next wait.
    @Test func `a putter that was let in and is then cancelled has put its element (S86, S87, L2)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            try await queue.put(0)
            let putter = spawn {
                try await queue.put(1)
                #expect(Task.isCancelled)
                try await queue.put(2)
            }
            try await settle()
            #expect(try queue.tryGet() == 0)
            putter.cancel()
            await #expect(throws: CancellationError.self) { try await putter.value }
            #expect(try queue.tryGet() == 1)
            #expect(queue.isEmpty)
        }
    }

    @Test func `an element handed over before the cancellation is delivered (S104, L2)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn {
                let number = try await queue.get()
                #expect(Task.isCancelled)
                await #expect(throws: CancellationError.self) { try await queue.get() }
                return number
            }
            try await settle()
            #expect(try queue.tryPut(1))
            getter.cancel()
            #expect(try await getter.value == 1)
            #expect(queue.isEmpty)
        }
    }

    @Test func `tasks whose time is up leave nothing behind in a queue (S88)`() async throws {
        try await onLoop {
            let alive = LiveCount()
            let empty = AsyncQueue<Tracked>(capacity: 1)
            let full = AsyncQueue<Tracked>(capacity: 1)
            try await full.put(Tracked(0, alive))
            for number in 1...50 {
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.zero) { try await empty.get() }
                }
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.zero) { try await full.put(Tracked(number, alive)) }
                }
            }
            #expect(empty.statistics.waitingGetters == 0)
            #expect(full.statistics.waitingPutters == 0)
            #expect(alive.value == 1)
        }
    }

    @Test func `a timeout that races with an element loses none (L4)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 100)
            var got = 0
            for number in 0..<100 {
                // Put before, at, and after the deadline, in the order of the loop's steps.
                let putter = spawn {
                    for _ in 0..<(number % 5) { try await yield() }
                    try await queue.put(number)
                }
                do {
                    _ = try await withTimeout(.zero) { try await queue.get() }
                    got += 1
                } catch is TimeoutError {}
                try await putter.value
            }
            #expect(got + queue.count == 100)
            #expect(queue.statistics.waitingGetters == 0)
        }
    }

    @Test func `a join that is cancelled leaves, and later ones are not disturbed`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            try await queue.put(1)
            let first = spawn { try await queue.join() }
            let second = spawn { try await queue.join() }
            try await settle()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            _ = try await queue.get()
            try queue.taskDone()
            try await second.value
        }
    }

    @Test func `the main body's own waits are cancelled in both orders, too (S84, S104)`()
        async throws
    {
        // The main body has a standing cancellation handler, which is another path.
        for isPutFirst in [false, true] {
            let queue = AsyncQueue<Int>(capacity: 1)
            let got = try? await onLoop {
                let main = TaskIdentity.current
                LoopCore.current?.post {
                    if isPutFirst { _ = try? queue.tryPut(1) }
                    main?.cancel()
                    if !isPutFirst { _ = try? queue.tryPut(1) }
                }
                return try await queue.get()
            }
            #expect(got == (isPutFirst ? 1 : nil))
            #expect(queue.count == (isPutFirst ? 0 : 1))
        }
    }
}
