import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// Queues, channels and their kin between loops and threads.
@Suite(.watched)
struct QueueThreadsTests {
    @Test func `a task resumes on its own loop, whoever puts or gets`() async throws {
        try await withLoops(2) { loops in
            let queue = AsyncQueue<Int>(capacity: 1)
            let getting = loops.map { loop in
                loop.spawn { () async throws -> Bool in
                    _ = try await queue.get()
                    return loop.isCurrent
                }
            }
            try await until { queue.statistics.waitingGetters == 2 }
            try await loops[0].run { try await queue.put(1) }
            try await onThread { _ = try queue.tryPut(2) }
            #expect(try await gather(getting) == [true, true])
            try await queue.put(3)
            let putting = loops.map { loop in
                loop.spawn { () async throws -> Bool in
                    try await queue.put(4)
                    return loop.isCurrent
                }
            }
            try await until { queue.statistics.waitingPutters == 2 }
            for _ in 0..<3 { _ = try await queue.get() }
            #expect(try await gather(putting) == [true, true])
        }
    }

    @Test func `many tasks on many threads get every element once (S85)`() async throws {
        let each = 2_000
        let queue = AsyncQueue<Int>(capacity: 8)
        let seen = Recorder<Int>()
        try await withLoops(2) { loops in
            // Two on loops, and one of each kind on no loop.
            let producers = (0..<3).map { index in
                run(on: index < 2 ? loops[index] : nil) {
                    for number in 0..<each { try await queue.put(index * each + number) }
                }
            }
            let consumers = (0..<4).map { index in
                run(on: index < 3 ? loops[index % 2] : nil) {
                    for try await number in queue {
                        seen.append(number)
                        try queue.taskDone()
                    }
                }
            }
            for producer in producers { try await producer.value }
            try await queue.join()
            queue.shutdown()
            for consumer in consumers { try await consumer.value }
        }
        #expect(seen.elements.sorted() == Array(0..<(3 * each)))
        #expect(queue.statistics.unfinished == 0)
    }

    /// A task on a loop, or on none.
    private func run(
        on loop: EventLoop?, _ body: @escaping @Sendable () async throws -> Void
    ) -> Task<Void, any Error> {
        guard let loop else { return Task { try await body() } }
        return Task(executorPreference: loop.taskExecutor) { try await body() }
    }

    @Test(arguments: [0, 1, 5])
    func `a channel between threads ends when its last sender has (S99, S102)`(capacity: Int)
        async throws
    {
        let each = 400
        let seen = Recorder<Int>()
        try await withLoops(2) { loops in
            let (sender, receiver) = Channel<Int>.make(capacity: capacity)
            let producers = try (0..<3).map { index in
                let own = try sender.clone()
                return run(on: index < 2 ? loops[index] : nil) {
                    for number in 0..<each { try await own.send(index * each + number) }
                    own.close()
                }
            }
            let consumers = try (0..<3).map { index in
                let own = try receiver.clone()
                return run(on: index < 2 ? loops[index] : nil) {
                    for try await number in own { seen.append(number) }
                }
            }
            sender.close()
            for task in producers + consumers { try await task.value }
        }
        #expect(seen.elements.sorted() == Array(0..<(3 * each)))
    }

    /// One task waits on a loop; its cancellation and the element come from two other threads at
    /// the same time.
    @Test func `cancel races with put, across threads: no element is lost (S84, S104, L2)`()
        async throws
    {
        let queue = AsyncQueue<Int>.unbounded()
        let rounds = 500
        var got = 0
        try await withLoops(2) { loops in
            for round in 0..<rounds {
                let getting = loops[0].spawn { () async -> Bool in
                    do { _ = try await queue.get() } catch { return false }
                    return true
                }
                let cancelling = loops[1].spawn { () -> Void in getting.cancel() }
                try await queue.put(round)
                if await getting.value { got += 1 }
                await cancelling.value
            }
        }
        #expect(queue.count == rounds - got)
        #expect(queue.statistics.waitingGetters == 0)
    }

    @Test func `cancel races with a rendezvous, across threads: both sides agree (S104, L2)`()
        async throws
    {
        let (sender, receiver) = Channel<Int>.make(capacity: 0)
        var counts = (sent: 0, received: 0)
        try await withLoops(2) { loops in
            for round in 0..<500 {
                let sending = loops[0].spawn { () async -> Bool in
                    do { try await sender.send(round) } catch { return false }
                    return true
                }
                let receiving = loops[1].spawn { () async -> Bool in
                    do { _ = try await receiver.receive() } catch { return false }
                    return true
                }
                if round % 2 == 0 { sending.cancel() } else { receiving.cancel() }
                // The other one may wait for nobody now.
                let isCut = await (round % 2 == 0 ? sending : receiving).value
                if !isCut { (round % 2 == 0 ? receiving : sending).cancel() }
                if await sending.value { counts.sent += 1 }
                if await receiving.value { counts.received += 1 }
            }
        }
        #expect(counts.sent == counts.received)
        #expect(sender.statistics.sent == counts.sent)
        #expect(sender.statistics.waitingSenders + sender.statistics.waitingReceivers == 0)
    }

    @Test func `shutdown races with put, get and cancel, and everybody gets an answer`()
        async throws
    {
        try await withLoops(2) { loops in
            for round in 0..<400 {
                let queue = AsyncQueue<Int>(capacity: 1)
                let tasks = (0..<6).map { index in
                    loops[index % 2].spawn { () async -> Int in
                        do {
                            if index < 3 {
                                try await queue.put(index)
                                return 1
                            }
                            _ = try await queue.get()
                            return -1
                        } catch { return 0 }
                    }
                }
                let ending = loops[1].spawn { queue.shutdown(immediate: round % 2 == 0) }
                tasks[round % 6].cancel()
                await ending.value
                let left = await gatherResults(tasks).reduce(0) { $0 + $1.get() }
                #expect(round % 2 == 0 ? (0...1).contains(left) : left == queue.count)
                #expect(queue.statistics.waitingGetters + queue.statistics.waitingPutters == 0)
            }
        }
    }

    @Test func `reservations from many threads never exceed the capacity (S113, L1)`()
        async throws
    {
        let seen = Atomic<Int>(0)
        let used = Atomic<Int>(0)
        try await withLoops(2) { loops in
            let (sender, receiver) = Channel<Int>.make(capacity: 3)
            let tasks = try (0..<6).map { index in
                let own = try sender.clone()
                return run(on: index < 5 ? loops[index % 2] : nil) {
                    for round in 0..<300 {
                        let slots = try await own.reserve(1 + (index + round) % 3)
                        let standing = own.statistics
                        #expect(standing.reserved + standing.buffered <= 3)
                        if round % 3 == 0 { continue }
                        try slots.send(round)
                        used.add(1, ordering: .relaxed)
                    }
                    own.close()
                }
            }
            let counting = run(on: loops[0]) {
                for try await _ in receiver { seen.add(1, ordering: .relaxed) }
            }
            sender.close()
            for task in tasks + [counting] { try await task.value }
        }
        #expect(seen.load(ordering: .relaxed) == 6 * 200)
        #expect(used.load(ordering: .relaxed) == 6 * 200)
    }

    @Test func `receivers of a broadcast on other threads get or miss every element (S138)`()
        async throws
    {
        let sent = 20_000
        try await withLoops(2) { loops in
            let broadcast = Broadcast<Int>(capacity: 16)
            let tasks = (0..<4).map { index in
                let receiver = broadcast.subscribe()
                return loops[index % 2].spawn { () async throws -> Int in
                    var next = 0
                    while true {
                        do {
                            for try await number in receiver {
                                #expect(number == next)
                                next += 1
                            }
                            return next
                        } catch ChannelError.lagged(let missed) { next += missed }
                    }
                }
            }
            try await onThread {
                for number in 0..<sent { try broadcast.send(number) }
                broadcast.close()
            }
            #expect(try await gather(tasks) == Array(repeating: sent, count: 4))
            #expect(broadcast.statistics.kept == 0)
        }
    }

    @Test func `receivers of a watch on other threads see the last value (S145, S146)`()
        async throws
    {
        try await withLoops(2) { loops in
            let watch = Watch(0)
            let tasks = (0..<4).map { index in
                let receiver = watch.subscribe()
                return loops[index % 2].spawn { () async throws -> Int in
                    var last = 0
                    for try await number in receiver {
                        #expect(number > last)
                        last = number
                    }
                    return last
                }
            }
            try await onThread {
                try onThreads(2) { _ in
                    for _ in 0..<5_000 {
                        do { try watch.modify { value in value += 1 } } catch {
                            Issue.record(error)
                        }
                    }
                }
                watch.close()
            }
            #expect(try await gather(tasks) == Array(repeating: 10_000, count: 4))
        }
    }

    @Test func `an end that goes on another thread wakes those who wait (S102)`() async throws {
        try await withLoops(1) { loops in
            for _ in 0..<100 {
                let (sender, receiver) = Channel<Int>.make(capacity: 0)
                let receiving = loops[0].spawn { try await receiver.receive() }
                let ending = Task { [sender] in withExtendedLifetime(sender) {} }
                _ = consume sender
                await ending.value
                await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
            }
        }
    }
}
