import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ChannelEndTests {
    @Test func `after the sender closed, what it sent is received, and then the end (S99)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            try await sender.send(1)
            try await sender.send(2)
            sender.close()
            #expect(try await receiver.receive() == 1)
            #expect(try receiver.tryReceive() == 2)
            await #expect(throws: ChannelError.endOfChannel) { try await receiver.receive() }
            #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
        }
    }

    @Test func `a closed end, no receivers, and the end of the channel are three errors (S100)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let other = try sender.clone()
            sender.close()
            await #expect(throws: ChannelError.closed) { try await sender.send(1) }
            #expect(throws: ChannelError.closed) { try sender.trySend(1) }
            await #expect(throws: ChannelError.closed) { try await sender.reserve() }
            #expect(throws: ChannelError.closed) { try sender.tryReserve() }
            #expect(throws: ChannelError.closed) { try sender.clone() }
            let last = try receiver.clone()
            receiver.close()
            await #expect(throws: ChannelError.closed) { try await receiver.receive() }
            await #expect(throws: ChannelError.closed) { try await receiver.receive(upTo: 2) }
            #expect(throws: ChannelError.closed) { try receiver.tryReceive() }
            #expect(throws: ChannelError.closed) { try receiver.clone() }
            try await other.send(1)
            #expect(try await last.receive() == 1)
            last.close()
            await #expect(throws: ChannelError.noReceivers) { try await other.send(2) }
            #expect(throws: ChannelError.noReceivers) { try other.trySend(2) }
            await #expect(throws: ChannelError.noReceivers) { try await other.reserve() }
            #expect(throws: ChannelError.noReceivers) { try other.tryReserve() }
            let (ending, reading) = Channel<Int>.make(capacity: 1)
            ending.close()
            await #expect(throws: ChannelError.endOfChannel) { try await reading.receive() }
        }
    }

    @Test func `closing an end wakes those who wait at it, and twice is once (S101)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let sending = spawn { try await sender.send(1) }
            try await settle()
            sender.close()
            sender.close()
            await #expect(throws: ChannelError.closed) { try await sending.value }
            #expect(sender.statistics.senders == 0)

            let (_sender, second) = Channel<Int>.make(capacity: 0)
            let receiving = spawn { try await second.receive() }
            try await settle()
            second.close()
            second.close()
            await #expect(throws: ChannelError.closed) { try await receiving.value }
            #expect(_sender.statistics.receivers == 0)
            receiver.close()
        }
    }

    @Test func `closing the other side wakes those who wait, too (S100, S101)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let sending = spawn { try await sender.send(1) }
            try await settle()
            receiver.close()
            await #expect(throws: ChannelError.noReceivers) { try await sending.value }

            let (other, second) = Channel<Int>.make(capacity: 0)
            let receiving = spawn { try await second.receive() }
            try await settle()
            other.close()
            await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
        }
    }

    @Test func `the channel ends when the last clone of a sender closes (S102)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let clones = try (0..<3).map { _ in try sender.clone() }
            let receiving = spawn {
                var got: [Int] = []
                for try await number in receiver { got.append(number) }
                return got
            }
            sender.close()
            for (number, clone) in clones.enumerated() {
                try await clone.send(number)
                try await settle()
                #expect(!receiving.isFinished)
                clone.close()
            }
            #expect(try await receiving.value == [0, 1, 2])
        }
    }

    @Test func `closing one clone affects those who wait at it, and no others (S102)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let other = try sender.clone()
            let sending = [sender, other].map { end in spawn { try await end.send(1) } }
            try await settle()
            sender.close()
            await #expect(throws: ChannelError.closed) { try await sending[0].value }
            try await settle()
            #expect(!sending[1].isFinished)
            #expect(try await receiver.receive() == 1)
            try await sending[1].value

            let second = try receiver.clone()
            let receiving = [receiver, second].map { end in spawn { try await end.receive() } }
            try await settle()
            receiver.close()
            await #expect(throws: ChannelError.closed) { try await receiving[0].value }
            try await other.send(2)
            #expect(try await receiving[1].value == 2)
        }
    }

    @Test func `an end that is let go is closed`() async throws {
        try await onLoop {
            var ends: (sender: Channel<Int>.Sender, receiver: Channel<Int>.Receiver)? =
                Channel<Int>.make(capacity: 1)
            let receiver = ends?.receiver
            try await ends?.sender.send(1)
            ends = nil
            #expect(try await receiver?.receive() == 1)
            await #expect(throws: ChannelError.endOfChannel) { _ = try await receiver?.receive() }

            ends = Channel<Int>.make(capacity: 1)
            let sender = ends?.sender
            ends = nil
            await #expect(throws: ChannelError.noReceivers) { try await sender?.send(1) }
        }
    }

    @Test func `what nobody will receive is let go of when the last receiver closes`()
        async throws
    {
        try await onLoop {
            let alive = LiveCount()
            let (sender, receiver) = Channel<Tracked>.make(capacity: 2)
            let other = try receiver.clone()
            for number in 0..<2 { try await sender.send(Tracked(number, alive)) }
            receiver.close()
            #expect(alive.value == 2)
            other.close()
            #expect(alive.value == 0)
            #expect(sender.statistics.buffered == 0)
        }
    }

    @Test func `an element's own end may use the channel that drops it`() throws {
        let alive = LiveCount()
        let seen = Recorder<Int>()
        let (sender, receiver) = Channel<Tracked>.make(capacity: 1)
        #expect(
            try sender.trySend(Tracked(1, alive) { seen.append(sender.statistics.receivers) }))
        receiver.close()
        #expect(seen.elements == [0])
    }

    @Test func `a sender's error reaches the receivers after the elements (S111)`() async throws {
        struct Failure: Error {}
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            spawn {
                do {
                    for number in 0..<3 { try await sender.send(number) }
                    throw Failure()
                } catch { sender.close(throwing: error) }
            }
            let got = Recorder<Int>()
            await #expect(throws: Failure.self) {
                for try await number in receiver { got.append(number) }
            }
            #expect(got.elements == [0, 1, 2])
            await #expect(throws: Failure.self) { try await receiver.receive(upTo: 2) }
            #expect(throws: Failure.self) { try receiver.tryReceive() }
        }
    }

    @Test func `an error waits for the other senders, and the first one counts (S111)`()
        async throws
    {
        struct Failure: Error, Equatable { var number: Int }
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let other = try sender.clone()
            let receiving = spawn { [try await receiver.receive(), try await receiver.receive()] }
            try await settle()
            sender.close(throwing: Failure(number: 1))
            sender.close(throwing: Failure(number: 2))
            try await other.send(7)
            other.close(throwing: Failure(number: 3))
            await #expect(throws: Failure(number: 1)) { try await receiving.value }
        }
    }

    @Test func `receivers that refuse get what was sent, and then the end (S114, S115)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            try await sender.send(1)
            let sending = spawn { try await sender.send(2) }
            try await settle()
            receiver.refuseFurther()
            receiver.refuseFurther()
            await #expect(throws: ChannelError.noReceivers) { try await sending.value }
            await #expect(throws: ChannelError.noReceivers) { try await sender.send(3) }
            #expect(try await receiver.receive() == 1)
            await #expect(throws: ChannelError.endOfChannel) { try await receiver.receive() }
        }
    }

    @Test func `receivers that refuse with nothing outstanding are at the end at once (S115)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            receiver.refuseFurther()
            await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
            #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
            #expect(sender.statistics.receivers == 1)
        }
    }

    @Test func `the end of the loop cancels tasks that wait`() async throws {
        let (sender, receiver) = Channel<Int>.make(capacity: 0)
        let (other, second) = Channel<Int>.make(capacity: 0)
        let ended = Recorder<String>()
        try await onLoop {
            spawn {
                do { try await sender.send(1) } catch { ended.append("\(type(of: error))") }
            }
            spawn {
                do { _ = try await second.receive() } catch {
                    ended.append("\(type(of: error))")
                }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError", "CancellationError"])
        #expect(receiver.statistics.waitingSenders == 0)
        #expect(other.statistics.waitingReceivers == 0)
    }

    @Test func `a task whose loop has ended gets its element all the same`() async throws {
        let (sender, receiver) = Channel<Int>.make(capacity: 0)
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) { try await receiver.receive() }
        try await until { sender.statistics.waitingReceivers == 1 }
        try await loop.shutdown()
        #expect(try sender.trySend(1))
        #expect(try await late.value == 1)
    }
}
