import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ChannelTests {
    @Test func `elements arrive in order`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 3)
            spawn {
                for number in 0..<10 { try await sender.send(number) }
                sender.close()
            }
            var got: [Int] = []
            for try await number in receiver { got.append(number) }
            #expect(got == Array(0..<10))
        }
    }

    @Test func `a send above the capacity waits, one that may not wait is refused (S119)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            #expect(try sender.trySend(0))
            try await sender.send(1)
            #expect(try !sender.trySend(2))
            let waiting = spawn { try await sender.send(2) }
            try await settle()
            #expect(sender.statistics.waitingSenders == 1)
            #expect(try await receiver.receive() == 0)
            try await waiting.value
            #expect(try receiver.tryReceive() == 1)
            #expect(try receiver.tryReceive() == 2)
            #expect(try receiver.tryReceive() == nil)
        }
    }

    /// A refused element needs no way back: the caller has it, and the channel holds nothing of it.
    @Test func `an element that was refused is the caller's alone (S119)`() async throws {
        let alive = LiveCount()
        let (sender, receiver) = Channel<Tracked>.make(capacity: 1)
        #expect(try sender.trySend(Tracked(1, alive)))
        #expect(try !sender.trySend(Tracked(2, alive)))
        #expect(alive.value == 1)
        #expect(try receiver.tryReceive()?.number == 1)
        #expect(alive.value == 0)
    }

    @Test func `a waiting receiver has a claim on the next element (S107)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let waiting = spawn { try await receiver.receive() }
            try await settle()
            #expect(try sender.trySend(1))
            #expect(try receiver.tryReceive() == nil)
            #expect(try await waiting.value == 1)
        }
    }

    @Test func `a waiting sender has a claim on the next slot (S107)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            try await sender.send(1)
            let waiting = spawn { try await sender.send(2) }
            try await settle()
            #expect(try receiver.tryReceive() == 1)
            #expect(try !sender.trySend(3))
            try await waiting.value
            #expect(try receiver.tryReceive() == 2)
        }
    }

    @Test func `with several receivers each element goes to the one that waits longest (S107)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let order = Recorder<[Int]>()
            for index in 0..<3 {
                let own = try receiver.clone()
                spawn {
                    for try await number in own {
                        order.append([index, number])
                        try await settle(3)
                    }
                }
            }
            try await settle()
            for number in 0..<6 { try await sender.send(number) }
            try await settle()
            #expect(order.elements == [[0, 0], [1, 1], [2, 2], [0, 3], [1, 4], [2, 5]])
        }
    }

    @Test func `without a buffer a send that may not wait needs a receiver (S108)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            #expect(try !sender.trySend(1))
            #expect(try receiver.tryReceive() == nil)
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            #expect(try sender.trySend(1))
            #expect(try !sender.trySend(2))
            #expect(try await receiving.value == 1)
        }
    }

    @Test func `without a buffer a send ends when its element is taken (S108)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let sending = (1...2).map { number in
                spawn {
                    try await sender.send(number)
                    return number
                }
            }
            try await settle()
            #expect(!sending[0].isFinished)
            #expect(sender.statistics.buffered == 0)
            #expect(try receiver.tryReceive() == 1)
            try await settle()
            #expect(sending.map(\.isFinished) == [true, false])
            #expect(try await receiver.receive() == 2)
            _ = try await gather(sending)
            #expect(sender.statistics.sent == 2)
        }
    }

    @Test func `an unbounded channel never makes a sender wait (S109)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.unbounded()
            for number in 0..<5_000 { try await sender.send(number) }
            #expect(sender.statistics.buffered == 5_000)
            #expect(sender.statistics.capacity == nil)
            #expect(try await receiver.receive(upTo: .max) == Array(0..<5_000))
        }
    }

    @Test func `the statistics tell both sides of the channel (S109)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            let other = try sender.clone()
            let third = try receiver.clone()
            let slot = try await sender.reserve()
            try await other.send(1)
            let sending = (0..<3).map { number in spawn { try await sender.send(number) } }
            try await settle()
            #expect(
                third.statistics
                    == .init(
                        buffered: 1, reserved: 1, capacity: 2, senders: 2, receivers: 2,
                        waitingSenders: 3, waitingReceivers: 0, sent: 1))
            slot.release()
            #expect(try await receiver.receive(upTo: 9) == [1, 0, 1, 2])
            let receiving = spawn { try await third.receive() }
            try await settle()
            #expect(
                receiver.statistics
                    == .init(
                        buffered: 0, reserved: 0, capacity: 2, senders: 2, receivers: 2,
                        waitingSenders: 0, waitingReceivers: 1, sent: 4))
            receiving.cancel()
            _ = try await gather(sending)
        }
    }

    @Test func `a batch is what is there, up to the limit, and empty at the end only (S123)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 10)
            for number in 0..<5 { try await sender.send(number) }
            #expect(try await receiver.receive(upTo: 3) == [0, 1, 2])
            #expect(try await receiver.receive(upTo: 3) == [3, 4])
            let batch = spawn { try await receiver.receive(upTo: 3) }
            try await settle()
            #expect(!batch.isFinished)
            try await sender.send(5)
            #expect(try await batch.value == [5])
            try await sender.send(6)
            sender.close()
            #expect(try await receiver.receive(upTo: 3) == [6])
            #expect(try await receiver.receive(upTo: 3) == [])
            #expect(try await receiver.receive(upTo: 3) == [])
        }
    }

    @Test func `a batch that waits for its first element is empty at the end, too (S123)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let batch = spawn { try await receiver.receive(upTo: 3) }
            try await settle()
            sender.close()
            #expect(try await batch.value == [])
        }
    }

    @Test func `a task that never has to wait lets others run all the same`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let isOver = Recorder<Bool>()
            spawn { isOver.append(true) }
            while isOver.count == 0 {
                try await sender.send(1)
                _ = try await receiver.receive()
            }
        }
    }

    @Test func `a capacity below zero is refused`() async {
        await #expect(processExitsWith: .failure) { _ = Channel<Int>.make(capacity: -1) }
    }

    @Test func `the errors say what is wrong`() {
        #expect("\(ChannelError.closed)".contains("closed"))
        #expect("\(ChannelError.noReceivers)".contains("no receivers"))
        #expect("\(ChannelError.endOfChannel)".contains("no senders"))
        #expect("\(ChannelError.lagged(by: 3))".contains("3"))
        #expect("\(ChannelError.reservationTooLarge(3, capacity: 2))".contains("3"))
    }
}
