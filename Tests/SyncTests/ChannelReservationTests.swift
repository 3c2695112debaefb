import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ChannelReservationTests {
    @Test func `into a reserved slot an element is sent without waiting`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let slot = try await sender.reserve()
            #expect(try !sender.trySend(2))
            #expect(slot.count == 1)
            try slot.send(1)
            #expect(slot.count == 0)
            #expect(try await receiver.receive() == 1)
            #expect(try sender.trySend(3))
        }
    }

    @Test func `a reserved slot that is let go, or released, goes to another (S113)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            var slot: Channel<Int>.Reservation? = try await sender.reserve()
            let sending = spawn { try await sender.send(1) }
            try await settle()
            #expect(!sending.isFinished)
            withExtendedLifetime(slot) {}
            slot = nil
            try await sending.value
            #expect(try await receiver.receive() == 1)
            let second = try await sender.reserve()
            second.release()
            second.release()
            #expect(second.count == 0)
            #expect(try sender.trySend(2))
            #expect(sender.statistics.reserved == 0)
        }
    }

    @Test func `a reservation waits in line, and those behind it wait, too`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            try await sender.send(1)
            let pair = spawn { try await sender.reserve(2) }
            try await settle()
            #expect(try !sender.trySend(2))
            #expect(try sender.tryReserve() == nil)
            #expect(try await receiver.receive() == 1)
            let slots = try await pair.value
            #expect(try !sender.trySend(2))
            try slots.send(2)
            try slots.send(3)
            #expect(try await receiver.receive(upTo: 5) == [2, 3])
        }
    }

    @Test func `an element goes past reserved slots only to a receiver that waits`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let slot = try await sender.reserve()
            let sending = spawn { try await sender.send(1) }
            try await settle()
            #expect(!sending.isFinished)
            #expect(try await receiver.receive() == 1)
            try await sending.value
            try slot.send(2)
            #expect(try await receiver.receive() == 2)
        }
    }

    @Test func `an outstanding reservation may deliver after the end was decided (S114)`()
        async throws
    {
        try await onLoop {
            for isRefused in [false, true] {
                let (sender, receiver) = Channel<Int>.make(capacity: 2)
                let slots = try await sender.reserve(2)
                if isRefused { receiver.refuseFurther() } else { sender.close() }
                #expect(try receiver.tryReceive() == nil)
                let receiving = spawn { try await receiver.receive() }
                try await settle()
                #expect(!receiving.isFinished)
                try slots.send(1)
                #expect(try await receiving.value == 1)
                let ending = spawn { try await receiver.receive() }
                try await settle()
                #expect(!ending.isFinished)
                try slots.send(2)
                #expect(try await ending.value == 2)
                await #expect(throws: ChannelError.endOfChannel) { try await receiver.receive() }
            }
        }
    }

    @Test func `the last reservation that goes wakes those who wait for the end (S114, S116)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            let first = try await sender.reserve()
            var second: Channel<Int>.Reservation? = try await sender.reserve()
            let receiving = spawn { try await receiver.receive() }
            receiver.refuseFurther()
            try await settle()
            first.release()
            try await settle()
            #expect(!receiving.isFinished)
            #expect(try receiver.tryReceive() == nil)
            withExtendedLifetime(second) {}
            second = nil
            await #expect(throws: ChannelError.endOfChannel) { try await receiving.value }
        }
    }

    @Test func `the last element into a reserved slot ends the waits of others (S114)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let slot = try await sender.reserve()
            sender.close()
            let receiving = (0..<2).map { _ in spawn { try await receiver.receive() } }
            try await settle()
            try slot.send(1)
            #expect(try await receiving[0].value == 1)
            await #expect(throws: ChannelError.endOfChannel) { try await receiving[1].value }
        }
    }

    @Test func `a reservation that fails or is cancelled wakes who waits for the end (S116)`()
        async throws
    {
        try await onLoop {
            for isCancelled in [false, true] {
                for count in 1...2 {
                    let (sender, receiver) = Channel<Int>.make(capacity: 2)
                    let held = try await sender.reserve(2)
                    let wish = spawn { try await sender.reserve(count).count }
                    let receiving = spawn { try await receiver.receive() }
                    try await settle()
                    // Granted, and not collected.
                    held.release()
                    receiver.refuseFurther()
                    if isCancelled { wish.cancel() }
                    await #expect(throws: ChannelError.endOfChannel) {
                        try await receiving.value
                    }
                    let error = await #expect(throws: (any Error).self) { try await wish.value }
                    #expect((error is CancellationError) == isCancelled)
                    #expect(sender.statistics.reserved == 0)
                }
            }
        }
    }

    @Test func `more slots than there are is an error, none at all is not (S118)`() async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 2)
            let tooLarge = ChannelError.reservationTooLarge(3, capacity: 2)
            await #expect(throws: tooLarge) { try await sender.reserve(3) }
            #expect(throws: tooLarge) { try sender.tryReserve(3) }
            let all = try await sender.reserve(2)
            #expect(try await sender.reserve(0).count == 0)
            #expect(try sender.tryReserve(0) != nil)
            #expect(all.count == 2)
            let (rendezvous, other) = Channel<Int>.make(capacity: 0)
            await #expect(throws: ChannelError.reservationTooLarge(1, capacity: 0)) {
                try await rendezvous.reserve()
            }
            receiver.close()
            other.close()
            await #expect(throws: ChannelError.noReceivers) { try await sender.reserve(0) }
        }
    }

    @Test func `empty and ended are different for one who may not wait (S120)`() async throws {
        let (sender, receiver) = Channel<Int>.make(capacity: 1)
        #expect(try receiver.tryReceive() == nil)
        let slot = try #require(try sender.tryReserve())
        receiver.refuseFurther()
        #expect(try receiver.tryReceive() == nil)
        try slot.send(1)
        #expect(try receiver.tryReceive() == 1)
        #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
    }

    @Test func `a reservation granted and not collected when the channel closes goes back (S122)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let held = try await sender.reserve()
            let wish = spawn { try await sender.reserve().count }
            try await settle()
            held.release()
            #expect(sender.statistics.reserved == 1)
            receiver.close()
            await #expect(throws: ChannelError.noReceivers) { try await wish.value }
            #expect(sender.statistics.reserved == 0)
        }
    }

    @Test func `a reservation granted to a task that is then cancelled goes on (L1)`()
        async throws
    {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let held = try await sender.reserve()
            let wishes = (0..<2).map { _ in spawn { try await sender.reserve() } }
            try await settle()
            held.release()
            wishes[0].cancel()
            let slot = try await wishes[1].value
            await #expect(throws: CancellationError.self) { try await wishes[0].value }
            try slot.send(1)
            #expect(try await receiver.receive() == 1)
        }
    }

    @Test func `a slot is of no use without receivers`() async throws {
        let alive = LiveCount()
        let (sender, receiver) = Channel<Tracked>.make(capacity: 2)
        let slots = try #require(try sender.tryReserve(2))
        receiver.close()
        #expect(throws: ChannelError.noReceivers) { try slots.send(Tracked(1, alive)) }
        #expect(alive.value == 0)
        #expect(slots.count == 1)
        slots.release()
        #expect(sender.statistics.reserved == 0)
    }

    @Test func `a send without a slot is a mistake that traps`() async {
        await #expect(processExitsWith: .failure) {
            let (sender, receiver) = Channel<Int>.make(capacity: 1)
            let slot = try sender.tryReserve(0)
            try slot?.send(1)
            receiver.close()
        }
    }
}
