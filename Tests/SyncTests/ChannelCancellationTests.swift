import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ChannelCancellationTests {
    @Test func `a task that is cancelled already sends and receives nothing (S106)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            try await sender.send(1)
            let cancelled = spawn {
                await #expect(throws: CancellationError.self) { try await sender.send(2) }
                await #expect(throws: CancellationError.self) { try await receiver.receive() }
                await #expect(throws: CancellationError.self) {
                    try await receiver.receive(upTo: 2)
                }
                await #expect(throws: CancellationError.self) { try await sender.reserve() }
            }
            cancelled.cancel()
            await cancelled.value
            #expect(sender.statistics.buffered == 1)
            #expect(sender.statistics.reserved == 0)
            #expect(sender.statistics.sent == 1)
        }
    }

    @Test func `a receiver gets an element handed over before the cancellation (S104, L2)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let receiving = spawn {
                let number = try await receiver.receive()
                #expect(Task.isCancelled)
                await #expect(throws: CancellationError.self) { try await receiver.receive() }
                return number
            }
            try await settle()
            #expect(try sender.trySend(1))
            receiving.cancel()
            #expect(try await receiving.value == 1)
        }
    }

    @Test func `cancelled before the hand-over: the next receiver gets it (S104, L2)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let receiving = (0..<2).map { _ in spawn { try await receiver.receive() } }
            try await settle()
            receiving[0].cancel()
            #expect(try sender.trySend(1))
            #expect(try await receiving[1].value == 1)
            await #expect(throws: CancellationError.self) { try await receiving[0].value }
        }
    }

    @Test func `cancelled before the hand-over, and nobody else waits: not sent (S104, S108)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let receiving = spawn { try await receiver.receive() }
            try await settle()
            receiving.cancel()
            #expect(try !sender.trySend(1))
            await #expect(throws: CancellationError.self) { try await receiving.value }
        }
    }

    @Test func `a sender cancelled while it waits has sent nothing, in both orders (S104)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let sending = (1...2).map { number in spawn { try await sender.send(number) } }
            try await settle()
            sending[0].cancel()
            #expect(try receiver.tryReceive() == 2)
            await #expect(throws: CancellationError.self) { try await sending[0].value }
            try await sending[1].value

            let late = spawn {
                try await sender.send(3)
                return Task.isCancelled
            }
            try await settle()
            #expect(try receiver.tryReceive() == 3)
            late.cancel()
            // Taken over before: it was sent.
            #expect(try await late.value)
        }
    }

    @Test func `a send whose time is up has sent nothing, and keeps nothing (S121)`()
        async throws
    {
        try await onLoop {
            let alive = LiveCount()
            let (sender, receiver) = Channel<Tracked>.make(capacity: 1)
            try await sender.send(Tracked(0, alive))
            let element = Tracked(1, alive)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.zero) { try await sender.send(element) }
            }
            #expect(sender.statistics.waitingSenders == 0)
            // The caller has it still, and sends it later.
            #expect(try await receiver.receive().number == 0)
            try await sender.send(element)
            #expect(try await receiver.receive().number == 1)
            #expect(alive.value == 1)
        }
    }

    @Test func `a cancelled wish for many slots lets those behind it through (L3)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            try await sender.send(1)
            let many = spawn { try await sender.reserve(2).count }
            let sending = spawn { try await sender.send(2) }
            try await settle()
            #expect(!sending.isFinished)
            many.cancel()
            try await sending.value
            await #expect(throws: CancellationError.self) { try await many.value }
            #expect(try await receiver.receive(upTo: 3) == [1, 2])
        }
    }

    @Test func `the main body's own waits are cancelled in both orders, too (S104)`()
        async throws
    {
        for isSentFirst in [false, true] {
            let (sender, receiver) = Channel<Int>.make(capacity: 0)
            let wasSent = Recorder<Bool>()
            let got = try? await onLoop {
                let main = TaskIdentity.current
                LoopCore.current?.post {
                    if isSentFirst { wasSent.append((try? sender.trySend(1)) == true) }
                    main?.cancel()
                    if !isSentFirst { wasSent.append((try? sender.trySend(1)) == true) }
                }
                return try await receiver.receive()
            }
            #expect(got == (isSentFirst ? 1 : nil))
            #expect(wasSent.elements == [isSentFirst])
        }
    }
}
