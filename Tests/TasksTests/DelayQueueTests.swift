import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Values with deadlines: S332.
@Suite(.watched)
struct DelayQueueTests {
    @Test func `values come out in order of deadline, equal ones as they were put in (S332)`()
        async throws
    {
        try await withVirtualTime {
            let queue = DelayQueue<String, Int>(capacity: 9)
            for (key, seconds) in [
                ("c", 3), ("a", 1), ("b", 2), ("a2", 1), ("now", 0), ("past", -1),
            ] {
                try queue.insert(seconds, for: key, after: .seconds(seconds))
            }
            queue.close()
            var keys: [String] = []
            for try await element in queue {
                keys.append(element.key)
                #expect(element.lateness == .zero)
                #expect(VirtualTime.now == .seconds(max(element.value, 0)))
            }
            #expect(keys == ["now", "past", "a", "a2", "b", "c"])
            #expect(
                queue.statistics == .init(count: 0, waiting: 0, inserted: 6, expired: 6))
        }
    }

    @Test func `an earlier value wakes one who waits for a later, or for any (S332)`()
        async throws
    {
        try await withVirtualTime {
            let queue = DelayQueue<Int, Void>.unbounded()
            let times = Recorder<Duration>()
            let waiting = spawn(name: "waiting") {
                for try await element in queue where element.key >= 0 {
                    times.append(VirtualTime.now)
                }
            }
            try await waitUntilAllBlocked()
            try queue.insert((), for: 1, after: .seconds(9))
            try await waitUntilAllBlocked()
            try queue.insert((), for: 2, after: .seconds(4))
            try await waitUntilAllBlocked()
            try queue.insert((), for: 3, after: .seconds(6))
            try await sleep(for: .seconds(10))
            #expect(times.elements == [4, 6, 9].map { .seconds($0) })
            queue.close()
            try await waiting.value
        }
    }

    @Test func `only an earlier value wakes one who waits`() async throws {
        try await onLoop {
            let queue = DelayQueue<Int, Void>.unbounded()
            try queue.insert((), for: 0, after: .hour)
            let waiting = spawn { try await queue.next() }
            try await settle()
            let jobs = EventLoop.current!.statistics.jobs
            for key in 1..<100 { try queue.insert((), for: key, after: .seconds(3600 + key)) }
            #expect(queue.statistics.waiting == 1)
            try await yield()
            #expect(EventLoop.current!.statistics.jobs - jobs == 1)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test func `a value may be taken back, and does not come out then (S332)`() async throws {
        try await withVirtualTime {
            let queue = DelayQueue<Int, String>(capacity: 3)
            for key in 1...3 { try queue.insert("\(key)", for: key, after: .seconds(key)) }
            let first = spawn(name: "first") { try await queue.next() }
            try await waitUntilAllBlocked()
            #expect(queue.remove(1) == "1")
            #expect(queue.remove(1) == nil)
            #expect(queue.remove(7) == nil)
            #expect(try await first.value?.key == 2)
            #expect(VirtualTime.now == .seconds(2))
            #expect(queue.remove(2) == nil)
            try queue.insert("4", for: 4, after: .seconds(0))
            #expect(queue.removeAll().map(\.key) == [4, 3])
            #expect(queue.tryNext() == nil)
            #expect(queue.statistics.count == 0)
        }
    }

    @Test func `a deadline may be moved, earlier and later (S332)`() async throws {
        try await withVirtualTime {
            let queue = DelayQueue<Int, Void>(capacity: 3)
            for key in 1...3 { try queue.insert((), for: key, after: .seconds(key * 10)) }
            let order = Recorder<Int>()
            let waiting = spawn(name: "waiting") {
                for try await element in queue { order.append(element.key) }
            }
            try await sleep(for: .seconds(5))
            #expect(queue.reset(1, after: .seconds(40)))
            #expect(queue.reset(3, after: .seconds(1)))
            #expect(!queue.reset(4, after: .zero))
            queue.close()
            try await waiting.value
            #expect(order.elements == [3, 2, 1])
            #expect(VirtualTime.now == .seconds(45))
            #expect(!queue.reset(1, after: .zero))
        }
    }

    @Test func `a key that is there has its value and deadline replaced`() async throws {
        try await withVirtualTime {
            let queue = DelayQueue<String, Int>(capacity: 1)
            #expect(try queue.insert(1, for: "key", after: .seconds(1)) == nil)
            #expect(try queue.insert(2, for: "key", after: .seconds(5)) == 1)
            let element = try await queue.next()
            #expect(element?.value == 2)
            #expect(VirtualTime.now == .seconds(5))
        }
    }

    @Test func `a value too many is refused; one that came out, or was taken back, makes room`()
        async throws
    {
        try await withVirtualTime {
            let queue = DelayQueue<Int, Int>(capacity: 2)
            #expect(queue.capacity == 2)
            try queue.insert(1, for: 1, after: .seconds(1))
            try queue.insert(2, for: 2, after: .seconds(2))
            #expect(throws: DelayQueueError.full) { try queue.insert(3, for: 3, after: .zero) }
            #expect(queue.tryNext() == nil)
            queue.remove(2)
            try queue.insert(3, for: 3, after: .zero)
            #expect(queue.tryNext()?.key == 3)
            try queue.insert(4, for: 4, after: .zero)
            #expect(DelayQueue<Int, Int>.unbounded().capacity == nil)
        }
    }

    @Test func `a closed queue takes nothing, and ends when it is empty`() async throws {
        try await withVirtualTime {
            let queue = DelayQueue<Int, Int>(capacity: 4)
            try queue.insert(1, for: 1, after: .seconds(1))
            try queue.insert(2, for: 2, after: .seconds(9))
            let order = Recorder<Int>()
            let waiting = spawn(name: "waiting") {
                for try await element in queue { order.append(element.key) }
            }
            try await waitUntilAllBlocked()
            queue.close()
            queue.close()
            #expect(throws: DelayQueueError.closed) { try queue.insert(3, for: 3, after: .zero) }
            try await sleep(for: .seconds(2))
            // The last one is taken back: nothing is left to wait for.
            queue.remove(2)
            try await waiting.value
            #expect(order.elements == [1])
            #expect(VirtualTime.now == .seconds(2))
            #expect(try await queue.next() == nil)

            let idle = DelayQueue<Int, Int>(capacity: 1)
            let other = spawn(name: "other") { try await idle.next() }
            try await waitUntilAllBlocked()
            idle.close()
            #expect(try await other.value == nil)
        }
    }

    @Test func `instants, and deadlines that never come`() async throws {
        try await onLoop {
            let queue = DelayQueue<Int, Void>.unbounded()
            try queue.insert((), for: 1, at: .now - .seconds(1))
            try queue.insert((), for: 2, after: .seconds(Int64.max))
            try queue.insert((), for: 3, at: .now + .hour)
            #expect(try await queue.next()?.key == 1)
            #expect(queue.tryNext() == nil)
            #expect(queue.reset(3, at: .now))
            #expect(try await queue.next()?.key == 3)
            #expect(queue.removeAll().map(\.key) == [2])
        }
    }

    @Test func `cancelled before, and while waiting: nothing is taken out`() async throws {
        try await withVirtualTime {
            let queue = DelayQueue<Int, Void>(capacity: 1)
            try queue.insert((), for: 1, after: .zero)
            let before = spawn {
                TaskIdentity.current?.cancel()
                return try await queue.next()
            }
            await #expect(throws: CancellationError.self) { try await before.value }
            #expect(queue.reset(1, after: .seconds(1)))
            let waiting = spawn(name: "waiting") { try await queue.next() }
            try await waitUntilAllBlocked()
            #expect(armedTimers() == 1)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(armedTimers() == 0 && queue.statistics.waiting == 0)
            #expect(try await queue.next()?.key == 1)
        }
    }

    @Test func `whatever the order, each value comes out once, not early, or is taken back`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let queue = DelayQueue<Int, Duration>.unbounded()
            let out = Recorder<Int>()
            let consumers = (0..<3).map { number in
                spawn(name: "consumer \(number)") {
                    for try await element in queue {
                        out.append(element.key)
                        #expect(VirtualTime.now >= element.value)
                    }
                }
            }
            var expected: Set<Int> = []
            for key in 0..<12 {
                let delay = Duration.seconds(random.below(5))
                try queue.insert(VirtualTime.now + delay, for: key, after: delay)
                expected.insert(key)
                switch random.below(4) {
                case 0: if queue.remove(random.below(key + 1)) != nil { expected.remove(key) }
                case 1: try await sleep(for: .seconds(random.below(3)))
                default: break
                }
                if random.below(8) == 0 { consumers[0].cancel() }
            }
            queue.close()
            for consumer in consumers.dropFirst() { try await consumer.value }
            _ = await consumers[0].result
            #expect(Set(out.elements).count == out.count)
            #expect(queue.statistics.count == 0)
            #expect(queue.statistics.expired == UInt64(out.count))
        }
    }

    @Test func `when the loop stops, one who waits learns of it`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let queue = DelayQueue<Int, Void>(capacity: 1)
        let waiting = Task(executorPreference: loop.taskExecutor) { try await queue.next() }
        while queue.statistics.waiting == 0 { await Task.yield() }
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await waiting.value }
        try queue.insert((), for: 1, after: .zero)
        #expect(try await queue.next()?.key == 1)
    }

    @Test func `threads put in and take back, loops take out: each value once`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let queue = DelayQueue<Int, Void>.unbounded()
        let out = Recorder<Int>()
        let consumers = loops.map { loop in
            loop.spawn { () async throws -> Void in
                for try await element in queue { out.append(element.key) }
            }
        }
        let takenBack = Recorder<Int>()
        try await onThread {
            try onThreads(4) { number in
                var random = SplitMix64(seed: number)
                for index in 0..<500 {
                    let key = number * 500 + index
                    try? queue.insert((), for: key, after: .microseconds(random.below(200)))
                    switch random.below(4) {
                    case 0: if queue.remove(key) != nil { takenBack.append(key) }
                    case 1: queue.reset(key, after: .microseconds(random.below(200)))
                    default: break
                    }
                }
            }
        }
        queue.close()
        _ = try await gather(consumers)
        #expect((out.elements + takenBack.elements).sorted() == Array(0..<2_000))
        for loop in loops { try await loop.shutdown() }
    }
}
