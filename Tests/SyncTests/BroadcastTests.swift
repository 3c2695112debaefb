import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct BroadcastTests {
    @Test func `every receiver gets every element, from its subscription on`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 4)
            #expect(try broadcast.send(0) == 0)
            let first = broadcast.subscribe()
            #expect(try broadcast.send(1) == 1)
            let second = broadcast.subscribe()
            #expect(try broadcast.send(2) == 2)
            #expect(try await first.receive() == 1)
            #expect(try await first.receive() == 2)
            #expect(try await second.receive() == 2)
            let next = (try first.tryReceive(), try second.tryReceive())
            #expect(next == (nil, nil))
            #expect(broadcast.statistics.kept == 0)
        }
    }

    @Test func `an element is handed to all who wait, in their order`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 1)
            let order = Recorder<[Int]>()
            for index in 0..<3 {
                let receiver = broadcast.subscribe()
                spawn {
                    for try await number in receiver { order.append([index, number]) }
                }
            }
            try await settle()
            #expect(broadcast.statistics.waitingReceivers == 3)
            try broadcast.send(1)
            // All have it: nothing is kept.
            #expect(broadcast.statistics.kept == 0)
            try await settle()
            try broadcast.send(2)
            try await settle()
            #expect(order.elements == [[0, 1], [1, 1], [2, 1], [0, 2], [1, 2], [2, 2]])
        }
    }

    @Test func `a receiver exactly at the capacity does not lag (S140)`() async throws {
        let broadcast = Broadcast<Int>(capacity: 3)
        let receiver = broadcast.subscribe()
        for number in 0..<3 { try broadcast.send(number) }
        for number in 0..<3 { #expect(try receiver.tryReceive() == number) }
        #expect(try receiver.tryReceive() == nil)
    }

    @Test(arguments: 1...4)
    func `who falls behind is told exactly by how much, once, and goes on (S138)`(capacity: Int)
        async throws
    {
        for sent in 0...10 {
            let broadcast = Broadcast<Int>(capacity: capacity)
            let receiver = broadcast.subscribe()
            for number in 0..<sent { try broadcast.send(number) }
            let missed = max(0, sent - capacity)
            if missed > 0 {
                await #expect(throws: ChannelError.lagged(by: missed)) {
                    try await receiver.receive()
                }
            }
            for number in missed..<sent { #expect(try receiver.tryReceive() == number) }
            #expect(try receiver.tryReceive() == nil)
        }
    }

    @Test func `only those who are behind lag, and each by its own number (S138)`() throws {
        let broadcast = Broadcast<Int>(capacity: 2)
        let slow = broadcast.subscribe()
        try broadcast.send(0)
        let late = broadcast.subscribe()
        let quick = broadcast.subscribe()
        for number in 1...3 {
            try broadcast.send(number)
            #expect(try quick.tryReceive() == number)
        }
        #expect(throws: ChannelError.lagged(by: 2)) { try slow.tryReceive() }
        #expect(throws: ChannelError.lagged(by: 1)) { try late.tryReceive() }
        // While it hears of it, it may fall behind again.
        try broadcast.send(4)
        #expect(throws: ChannelError.lagged(by: 1)) { try slow.tryReceive() }
        #expect(try slow.tryReceive() == 3)
        #expect(try slow.tryReceive() == 4)
        #expect(throws: ChannelError.lagged(by: 1)) { try late.tryReceive() }
    }

    @Test func `a loop over a receiver goes on after a lag where the receiver is (S138)`()
        async throws
    {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 2)
            let receiver = broadcast.subscribe()
            for number in 0..<5 { try broadcast.send(number) }
            broadcast.close()
            var got: [Int] = []
            var missed = 0
            var isOver = false
            while !isOver {
                do {
                    for try await number in receiver { got.append(number) }
                    isOver = true
                } catch ChannelError.lagged(let count) { missed += count }
            }
            #expect(got == [3, 4])
            #expect(missed == 3)
        }
    }

    @Test func `after the close what is kept is received, and then the end (S141)`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 1)
            let receiver = broadcast.subscribe()
            let other = broadcast.subscribe()
            try broadcast.send(0)
            try broadcast.send(1)
            broadcast.close()
            broadcast.close()
            #expect(throws: ChannelError.closed) { try broadcast.send(2) }
            #expect(throws: ChannelError.lagged(by: 1)) { try receiver.tryReceive() }
            #expect(try await receiver.receive() == 1)
            await #expect(throws: ChannelError.endOfChannel) { try await receiver.receive() }
            await #expect(throws: ChannelError.lagged(by: 1)) { try await other.receive() }
            #expect(try other.tryReceive() == 1)
            #expect(throws: ChannelError.endOfChannel) { try other.tryReceive() }
            #expect(throws: ChannelError.endOfChannel) {
                try broadcast.subscribe().tryReceive()
            }
        }
    }

    @Test func `receivers that wait learn that the last sender is gone (S141)`() async throws {
        try await onLoop {
            var broadcast: Broadcast<Int>? = Broadcast(capacity: 1)
            let receiver = try #require(broadcast?.subscribe())
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            // Whoever shares the reference is a sender, too.
            var other = broadcast
            broadcast = nil
            try await settle()
            #expect(!receiving.isFinished)
            withExtendedLifetime(other) {}
            other = nil
            await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
        }
    }

    @Test func `who subscribes anew begins with the next element (S142)`() throws {
        let broadcast = Broadcast<Int>(capacity: 4)
        let receiver = broadcast.subscribe()
        try broadcast.send(1)
        try broadcast.send(2)
        #expect(try receiver.tryReceive() == 1)
        let anew = receiver.resubscribe()
        #expect(try anew.tryReceive() == nil)
        try broadcast.send(3)
        #expect(try anew.tryReceive() == 3)
        #expect(try receiver.tryReceive() == 2)
    }

    @Test func `an element is let go of when all have it, or those who have not are gone (S143)`()
        throws
    {
        let alive = LiveCount()
        let broadcast = Broadcast<Tracked>(capacity: 8)
        try broadcast.send(Tracked(0, alive))
        #expect(alive.value == 0)
        let quick = broadcast.subscribe()
        var slow: Broadcast<Tracked>.Receiver? = broadcast.subscribe()
        for number in 1...3 { try broadcast.send(Tracked(number, alive)) }
        #expect(try quick.tryReceive()?.number == 1)
        #expect(alive.value == 3)
        #expect(try slow?.tryReceive()?.number == 1)
        #expect(alive.value == 2)
        #expect(try quick.tryReceive()?.number == 2)
        slow = nil
        #expect(alive.value == 1)
        quick.close()
        quick.close()
        #expect(alive.value == 0)
        #expect(broadcast.statistics.receivers == 0)
    }

    @Test func `an element's own end may send on the broadcast that drops it (S144)`() throws {
        let alive = LiveCount()
        let broadcast = Broadcast<Tracked>(capacity: 1)
        let receiver = broadcast.subscribe()
        let sendAnother: @Sendable () -> Void = {
            _ = try? broadcast.send(Tracked(9, alive))
        }
        try broadcast.send(Tracked(1, alive, atEnd: sendAnother))
        // Replaced: its end sends another one, which replaces this one.
        try broadcast.send(Tracked(2, alive))
        #expect(throws: ChannelError.lagged(by: 2)) { try receiver.tryReceive() }
        #expect(try receiver.tryReceive()?.number == 9)
        try broadcast.send(Tracked(3, alive, atEnd: sendAnother))
        receiver.close()
        #expect(alive.value == 0)
    }

    @Test func `a cancelled receiver misses nothing, in both orders (S104, L2)`() async throws {
        try await onLoop {
            for isSentFirst in [false, true] {
                let broadcast = Broadcast<Int>(capacity: 2)
                let receiver = broadcast.subscribe()
                let receiving = spawn { try await receiver.receive() }
                try await settle()
                if isSentFirst { try broadcast.send(1) }
                receiving.cancel()
                if !isSentFirst { try broadcast.send(1) }
                if isSentFirst {
                    #expect(try await receiving.value == 1)
                    #expect(try receiver.tryReceive() == nil)
                } else {
                    await #expect(throws: CancellationError.self) { try await receiving.value }
                    #expect(try receiver.tryReceive() == 1)
                }
            }
        }
    }

    @Test func `a task that is cancelled already receives nothing (S106)`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 2)
            let receiver = broadcast.subscribe()
            try broadcast.send(1)
            let receiving = spawn { try await receiver.receive() }
            receiving.cancel()
            await #expect(throws: CancellationError.self) { try await receiving.value }
            #expect(try receiver.tryReceive() == 1)
        }
    }

    @Test func `closing a receiver wakes those who wait at it, and no others (S101, S102)`()
        async throws
    {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 1)
            let receivers = (0..<2).map { _ in broadcast.subscribe() }
            let receiving = receivers.map { receiver in spawn { try await receiver.receive() } }
            try await settle()
            receivers[0].close()
            await #expect(throws: ChannelError.closed) { try await receiving[0].value }
            await #expect(throws: ChannelError.closed) { try await receivers[0].receive() }
            #expect(throws: ChannelError.closed) { try receivers[0].tryReceive() }
            try broadcast.send(1)
            #expect(try await receiving[1].value == 1)
        }
    }

    @Test func `tasks that share a receiver share its elements`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 1)
            let receiver = broadcast.subscribe()
            let alone = broadcast.subscribe()
            let tasks = (0..<3).map { _ in spawn { try await receiver.receive() } }
            let single = spawn { try await alone.receive() }
            try await settle()
            try broadcast.send(1)
            try broadcast.send(2)
            try broadcast.send(3)
            #expect(try await gather(tasks) == [1, 2, 3])
            #expect(try await single.value == 1)
            await #expect(throws: ChannelError.lagged(by: 1)) { try await alone.receive() }
        }
    }

    @Test func `a receiver that never has to wait lets others run all the same`() async throws {
        try await onLoop {
            let broadcast = Broadcast<Int>(capacity: 1)
            let receiver = broadcast.subscribe()
            let isOver = Recorder<Bool>()
            spawn { isOver.append(true) }
            while isOver.count == 0 {
                try broadcast.send(1)
                _ = try await receiver.receive()
            }
        }
    }

    @Test func `the end of the loop cancels receivers that wait`() async throws {
        let broadcast = Broadcast<Int>(capacity: 1)
        let ended = Recorder<String>()
        try await onLoop {
            let receiver = broadcast.subscribe()
            spawn {
                do { _ = try await receiver.receive() } catch {
                    ended.append("\(type(of: error))")
                }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError"])
        #expect(broadcast.statistics.receivers == 0)
    }

    /// What each receiver should get, without counts and a ring.
    private struct Model {
        var pending: [Int: [Int]] = [:]
        var missed: [Int: Int] = [:]

        mutating func send(_ number: Int, capacity: Int) {
            for key in pending.keys {
                pending[key, default: []].append(number)
                if pending[key, default: []].count > capacity {
                    pending[key]?.removeFirst()
                    missed[key, default: 0] += 1
                }
            }
        }
    }

    @Test(arguments: 0..<50) func `random steps end as in a naive model (S138, S140, S143)`(
        seed: Int
    ) throws {
        var random = SplitMix64(seed: seed)
        let alive = LiveCount()
        let capacity = 1 + seed % 5
        let broadcast = Broadcast<Tracked>(capacity: capacity)
        var receivers: [Int: Broadcast<Tracked>.Receiver] = [:]
        var model = Model()
        for step in 0..<400 {
            let some = receivers.keys.sorted().randomElement(using: &random)
            switch random.below(10) {
            case 0:
                receivers[step] = broadcast.subscribe()
                model.pending[step] = []
            case 1 where receivers.count > 3:
                guard let some else { continue }
                receivers[some] = nil
                model.pending[some] = nil
                model.missed[some] = nil
            case 2...5:
                #expect(try broadcast.send(Tracked(step, alive)) == receivers.count)
                model.send(step, capacity: capacity)
            default:
                guard let some, let receiver = receivers[some] else { continue }
                if let missed = model.missed.removeValue(forKey: some) {
                    #expect(throws: ChannelError.lagged(by: missed)) { try receiver.tryReceive() }
                } else {
                    let expected = model.pending[some]?.first
                    #expect(try receiver.tryReceive()?.number == expected)
                    if expected != nil { model.pending[some]?.removeFirst() }
                }
            }
            // Exactly what somebody has yet to receive is alive.
            #expect(alive.value == Set(model.pending.values.joined()).count)
            #expect(broadcast.statistics.kept == alive.value)
        }
    }
}
