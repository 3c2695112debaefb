import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncQueueTests {
    @Test func `elements leave in the order that was chosen`() async throws {
        try await onLoop {
            let numbers = [3, 1, 2, 1]
            for (order, expected) in [
                (AsyncQueue<Int>.Order.fifo, [3, 1, 2, 1]), (.lifo, [1, 2, 1, 3]),
                (.priority(by: { $0 }), [1, 1, 2, 3]), (.priority(by: { -$0 }), [3, 2, 1, 1]),
            ] {
                let queue = AsyncQueue<Int>(capacity: 4, order: order)
                for number in numbers { try await queue.put(number) }
                #expect(try await queue.get(upTo: 10) == expected)
                #expect(queue.isEmpty)
            }
        }
    }

    @Test func `equal priorities leave in the order of their coming`() throws {
        let queue = AsyncQueue<String>(capacity: 10, order: .priority(by: \.count))
        for word in ["ccc", "a", "bb", "b", "aa", "c"] { #expect(try queue.tryPut(word)) }
        var words: [String] = []
        while let word = try queue.tryGet() { words.append(word) }
        #expect(words == ["a", "b", "c", "bb", "aa", "ccc"])
    }

    @Test func `a put into a full queue waits until there is room (S81)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            try await queue.put(1)
            try await queue.put(2)
            let third = spawn { try await queue.put(3) }
            try await settle()
            #expect(!third.isFinished)
            #expect(queue.count == 2)
            #expect(try await queue.get() == 1)
            try await third.value
            #expect(try await queue.get(upTo: 9) == [2, 3])
        }
    }

    @Test func `a queue that is said to be unbounded takes whatever comes (S81)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>.unbounded(order: .lifo)
            for number in 0..<10_000 { try await queue.put(number) }
            #expect(queue.count == 10_000)
            #expect(queue.statistics.capacity == nil)
            #expect(try await queue.get() == 9_999)
        }
    }

    /// Zero is unbounded elsewhere; here that must be said.
    @Test func `a bound below one is refused, with the name of what to use (S81)`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = AsyncQueue<Int>(capacity: 0)
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #if DEBUG
            #expect(said.contains("AsyncQueue.unbounded()"))
        #else
            _ = said
        #endif
    }

    @Test func `what cannot be done at once is refused, and changes nothing (S82)`() throws {
        let queue = AsyncQueue<Int>(capacity: 1)
        #expect(try queue.tryGet() == nil)
        #expect(queue.statistics.waitingGetters == 0)
        #expect(try queue.tryPut(1))
        #expect(try !queue.tryPut(2))
        #expect(
            queue.statistics
                == .init(
                    count: 1, capacity: 1, unfinished: 1, waitingPutters: 0, waitingGetters: 0,
                    put: 1))
        #expect(try queue.tryGet() == 1)
    }

    @Test func `room for several lets as many putters in, in their order (S89)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            for number in 0..<2 { try await queue.put(number) }
            let putters = (2..<6).map { number in
                spawn {
                    try await queue.put(number)
                    return number
                }
            }
            try await settle()
            #expect(queue.statistics.waitingPutters == 4)
            #expect(try queue.tryGet() == 0)
            #expect(try queue.tryGet() == 1)
            try await settle()
            #expect(putters.map(\.isFinished) == [true, true, false, false])
            #expect(try await queue.get(upTo: 9) == [2, 3, 4, 5])
            _ = try await gather(putters)
        }
    }

    @Test func `several elements wake as many getters, in their order (S89)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 3)
            let order = Recorder<[Int]>()
            for index in 0..<4 {
                spawn { order.append([index, try await queue.get()]) }
            }
            try await settle()
            for number in 10..<13 { #expect(try queue.tryPut(number)) }
            #expect(queue.isEmpty)
            try await settle()
            #expect(order.elements == [[0, 10], [1, 11], [2, 12]])
            #expect(queue.statistics.waitingGetters == 1)
        }
    }

    @Test func `a get that need not wait lets a waiting putter in (S90)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            try await queue.put(1)
            let putter = spawn { try await queue.put(2) }
            try await settle()
            #expect(try queue.tryGet() == 1)
            // At once, not when the putter runs.
            #expect(queue.count == 1)
            #expect(try !queue.tryPut(3))
            try await putter.value
            #expect(try queue.tryGet() == 2)
        }
    }

    @Test func `a put that need not wait gives its element to a waiting getter (S91, S107)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let getter = spawn { try await queue.get() }
            try await settle()
            #expect(try queue.tryPut(1))
            // The getter has not run; the element is its own all the same.
            #expect(!getter.isFinished)
            #expect(try queue.tryGet() == nil)
            #expect(try await getter.value == 1)
        }
    }

    @Test func `a batch is the whole backlog, and waits for its first element only (S98)`()
        async throws
    {
        try await onLoop {
            let queue = AsyncQueue<Int>.unbounded()
            let batches = Recorder<[Int]>()
            spawn {
                while true { batches.append(try await queue.get(upTo: .max)) }
            }
            try await settle()
            for number in 0..<5 { try await queue.put(number) }
            try await settle()
            try await queue.put(5)
            try await settle()
            #expect(batches.elements == [[0, 1, 2, 3, 4], [5]])
        }
    }

    @Test func `consumers of batches share, and none is woken for nothing (S98)`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>.unbounded()
            let batches = Recorder<(consumer: Int, batch: [Int])>()
            for consumer in 0..<2 {
                spawn {
                    while true { batches.append((consumer, try await queue.get(upTo: .max))) }
                }
            }
            try await settle()
            for number in 0..<10 {
                try await queue.put(number)
                try await settle()
            }
            #expect(batches.elements.map(\.consumer) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
            #expect(batches.elements.map(\.batch) == (0..<10).map { [$0] })
        }
    }

    @Test func `a batch is no larger than asked for, and makes room`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 2)
            let putter = spawn { for number in 0..<6 { try await queue.put(number) } }
            try await settle()
            #expect(try await queue.get(upTo: 1) == [0])
            #expect(try await queue.get(upTo: 3) == [1, 2])
            try await settle()
            #expect(try await queue.get(upTo: 1) == [3])
            try await putter.value
            #expect(try await queue.get(upTo: 9) == [4, 5])
        }
    }

    @Test func `a queue is a sequence of its elements until it is shut down`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 3)
            let sum = spawn {
                var sum = 0
                for try await number in queue { sum += number }
                return sum
            }
            for number in 1...10 { try await queue.put(number) }
            queue.shutdown()
            #expect(try await sum.value == 55)
        }
    }

    @Test func `an iteration by an actor stays with the actor`() async throws {
        actor Consumer {
            var got: [Int] = []
            func consume(_ queue: AsyncQueue<Int>) async throws -> [Int] {
                for try await number in queue { got.append(number) }
                return got
            }
        }
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let consumer = Consumer()
            async let got = consumer.consume(queue)
            for number in 0..<5 { try await queue.put(number) }
            queue.shutdown()
            #expect(try await got == [0, 1, 2, 3, 4])
        }
    }

    @Test func `a task that never has to wait lets others run all the same`() async throws {
        try await onLoop {
            let queue = AsyncQueue<Int>(capacity: 1)
            let isOver = Recorder<Bool>()
            spawn { isOver.append(true) }
            while isOver.count == 0 {
                try await queue.put(1)
                _ = try await queue.get()
            }
        }
    }

    @Test func `the errors say what is wrong`() {
        #expect("\(QueueError.shutDown)".contains("shut down"))
        #expect("\(QueueError.taskDoneTooOften)".contains("taskDone"))
    }
}
