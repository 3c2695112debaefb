import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct WatchTests {
    @Test func `a receiver sees the latest value only (S145)`() async throws {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            #expect(try receiver.tryReceive() == nil)
            for number in 1...3 { try watch.send(number) }
            #expect(receiver.hasChanged)
            #expect(try await receiver.receive() == 3)
            #expect(!receiver.hasChanged)
            #expect(try receiver.tryReceive() == nil)
            #expect(watch.value == 3)
            #expect(receiver.value == 3)
        }
    }

    @Test func `all receivers wait for a change, and see it (S145)`() async throws {
        try await onLoop {
            let watch = Watch("old")
            let receiving = (0..<3).map { _ in
                let receiver = watch.subscribe()
                return spawn { try await receiver.receive() }
            }
            try await settle()
            #expect(watch.statistics.waitingReceivers == 3)
            try watch.send("new")
            // Before any of them has run.
            try watch.send("newer")
            #expect(try await gather(receiving) == ["newer", "newer", "newer"])
        }
    }

    @Test func `an equal value is a change, too`() throws {
        let watch = Watch(1)
        let receiver = watch.subscribe()
        try watch.send(1)
        #expect(try receiver.tryReceive() == 1)
        #expect(watch.statistics == .init(version: 1, receivers: 1, waitingReceivers: 0))
    }

    @Test func `a last value that was not seen comes before the end (S146)`() async throws {
        try await onLoop {
            var watch: Watch<Int>? = Watch(0)
            let receiver = try #require(watch?.subscribe())
            try watch?.send(1)
            watch = nil
            #expect(try await receiver.receive() == 1)
            await #expect(throws: ChannelError.endOfChannel) { try await receiver.receive() }
            #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
            // It can still be looked at.
            #expect(receiver.value == 1)
        }
    }

    @Test func `a value sent and the watch closed in one step: the value comes first (S146)`()
        async throws
    {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            let receiving = spawn {
                var got: [Int] = []
                for try await number in receiver { got.append(number) }
                return got
            }
            try await settle()
            try watch.send(1)
            watch.close()
            watch.close()
            #expect(throws: ChannelError.closed) { try watch.send(2) }
            #expect(throws: ChannelError.closed) { try watch.modify { value in value += 1 } }
            #expect(try await receiving.value == [1])
        }
    }

    @Test func `receivers that wait learn that the watch has ended (S151)`() async throws {
        try await onLoop {
            var watch: Watch<Int>? = Watch(0)
            let receiver = try #require(watch?.subscribe())
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            // Whoever shares the reference is a sender, too.
            var other = watch
            watch = nil
            try await settle()
            #expect(!receiving.isFinished)
            withExtendedLifetime(other) {}
            other = nil
            await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
        }
    }

    @Test func `the present value can be made to count as changed, or not (S149)`() async throws {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            receiver.markUnseen()
            #expect(receiver.hasChanged)
            #expect(try await receiver.receive() == 0)
            #expect(!receiver.hasChanged)
            try watch.send(1)
            receiver.markSeen()
            #expect(try receiver.tryReceive() == nil)
            receiver.markUnseen()
            #expect(try receiver.tryReceive() == 1)
            watch.close()
            receiver.markUnseen()
            #expect(try receiver.tryReceive() == 1)
            #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
        }
    }

    @Test func `a change that fails changes nothing, and wakes nobody (S150)`() async throws {
        struct Failure: Error {}
        try await onLoop {
            let watch = Watch([1])
            let receiver = watch.subscribe()
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            #expect(throws: Failure.self) {
                try watch.modify {
                    $0.append(2)
                    throw Failure()
                }
            }
            try await settle()
            #expect(!receiving.isFinished)
            #expect(watch.value == [1])
            #expect(watch.statistics.version == 0)
            let count = try watch.modify {
                $0.append(3)
                return $0.count
            }
            #expect(count == 2)
            #expect(try await receiving.value == [1, 3])
        }
    }

    @Test func `a change that was overtaken is made again, on the new value`() throws {
        let watch = Watch(1)
        var runs = 0
        try watch.modify { value in
            if runs == 0 { try watch.send(10) }
            runs += 1
            value += 1
        }
        #expect(watch.value == 11)
        #expect(runs == 2)
    }

    @Test func `senders can wait until no receiver is left (S151)`() async throws {
        try await onLoop {
            let watch = Watch(0)
            try await watch.waitUntilNoReceivers()
            var first: Watch<Int>.Receiver? = watch.subscribe()
            let second = try #require(first?.resubscribe())
            let waiting = spawn { try await watch.waitUntilNoReceivers() }
            let cancelled = spawn { try await watch.waitUntilNoReceivers() }
            try await settle()
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            withExtendedLifetime(first) {}
            first = nil
            try await settle()
            #expect(!waiting.isFinished)
            #expect(watch.hasReceivers)
            second.close()
            second.close()
            try await waiting.value
            #expect(!watch.hasReceivers)
            // It can be sent all the same, and opens again with the next receiver.
            try watch.send(1)
            let third = watch.subscribe()
            #expect(watch.hasReceivers)
            try watch.send(2)
            #expect(try third.tryReceive() == 2)
        }
    }

    @Test func `a receiver that always finds a change lets others run (S152)`() async throws {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            for isConditional in [false, true] {
                let isOver = Recorder<Bool>()
                spawn { isOver.append(true) }
                while isOver.count == 0 {
                    try watch.send(1)
                    if isConditional {
                        _ = try await receiver.receive { $0 == 1 }
                    } else {
                        _ = try await receiver.receive()
                    }
                }
            }
        }
    }

    @Test func `a receiver can wait for a value that is as it wants`() async throws {
        struct Failure: Error {}
        try await onLoop {
            let watch = Watch(5)
            let receiver = watch.subscribe()
            // The present one, seen or not.
            #expect(try await receiver.receive { $0 == 5 } == 5)
            let waiting = spawn { try await receiver.receive { $0 > 7 } }
            for number in 6...8 {
                try await settle()
                #expect(!waiting.isFinished)
                try watch.send(number)
            }
            #expect(try await waiting.value == 8)
            await #expect(throws: Failure.self) {
                try await receiver.receive { _ in throw Failure() }
            }
            let vain = spawn { try await receiver.receive { $0 == 0 } }
            try await settle()
            watch.close()
            await #expect(throws: ChannelError.endOfChannel) { try await vain.value }
        }
    }

    @Test func `a cancelled receiver misses nothing, in both orders (S104)`() async throws {
        try await onLoop {
            for isSentFirst in [false, true] {
                let watch = Watch(0)
                let receiver = watch.subscribe()
                let receiving = spawn { try await receiver.receive() }
                try await settle()
                if isSentFirst { try watch.send(1) }
                receiving.cancel()
                if !isSentFirst { try watch.send(1) }
                if isSentFirst {
                    #expect(try await receiving.value == 1)
                    #expect(try receiver.tryReceive() == nil)
                } else {
                    await #expect(throws: CancellationError.self) { try await receiving.value }
                    #expect(try receiver.tryReceive() == 1)
                }
                #expect(watch.statistics.waitingReceivers == 0)
            }
        }
    }

    @Test func `a task that is cancelled already sees nothing (S106)`() async throws {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            try watch.send(1)
            let receiving = spawn { try await receiver.receive() }
            receiving.cancel()
            await #expect(throws: CancellationError.self) { try await receiving.value }
            #expect(receiver.hasChanged)
        }
    }

    @Test func `closing a receiver wakes those who wait at it, and no others (S101, S102)`()
        async throws
    {
        try await onLoop {
            let watch = Watch(0)
            let receivers = (0..<2).map { _ in watch.subscribe() }
            let receiving = receivers.map { receiver in spawn { try await receiver.receive() } }
            try await settle()
            receivers[0].close()
            await #expect(throws: ChannelError.closed) { try await receiving[0].value }
            #expect(throws: ChannelError.closed) { try receivers[0].tryReceive() }
            try watch.send(1)
            #expect(try await receiving[1].value == 1)
        }
    }

    @Test func `of two tasks at one receiver one sees the change, the other waits on`()
        async throws
    {
        try await onLoop {
            let watch = Watch(0)
            let receiver = watch.subscribe()
            let tasks = (0..<2).map { _ in spawn { try await receiver.receive() } }
            try await settle()
            try watch.send(1)
            #expect(try await tasks[0].value == 1)
            try await settle()
            #expect(!tasks[1].isFinished)
            try watch.send(2)
            #expect(try await tasks[1].value == 2)
        }
    }

    @Test func `a value's own end may use the watch that it was replaced in (S144)`() throws {
        let alive = LiveCount()
        let versions = Recorder<UInt64>()
        let watch = Watch<Tracked?>(nil)
        try watch.send(Tracked(1, alive) { versions.append(watch.statistics.version) })
        try watch.send(nil)
        #expect(alive.value == 0)
        #expect(versions.elements == [2])
    }

    @Test func `the end of the loop cancels receivers that wait`() async throws {
        let watch = Watch(0)
        let ended = Recorder<String>()
        try await onLoop {
            let receiver = watch.subscribe()
            spawn {
                do { _ = try await receiver.receive() } catch {
                    ended.append("\(type(of: error))")
                }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError"])
        #expect(watch.statistics == .init(version: 0, receivers: 0, waitingReceivers: 0))
    }
}
