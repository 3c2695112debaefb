import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// The rules of a hand-over, alone: without tasks, and with the moments that a loop never shows.
@Suite(.watched)
struct ExchangeTests {
    private typealias State = Exchange<Int>
    private typealias Giver = State.Givers.Place
    private typealias Taker = State.Takers.Place

    private let end = ObjectIdentifier(Waiter())

    /// A place whose task has announced its wait, and not suspended.
    private func taker() -> (place: Taker, waiter: Waiter) {
        let waiter = Waiter()
        _ = waiter.begin("test")
        return (Taker(end, waiter), waiter)
    }

    private func giver(_ wish: State.Wish) -> (place: Giver, waiter: Waiter) {
        let waiter = Waiter()
        _ = waiter.begin("test")
        return (Giver(State.Offer(wish, of: end), waiter), waiter)
    }

    private func with(
        capacity: Int, _ body: (inout State, inout Wakeups) throws -> Void
    ) rethrows {
        let monitor = Monitor(State(capacity: capacity, order: .oldest))
        try monitor.withLock { state, wakeups in try body(&state, &wakeups) }
    }

    @Test func `an element goes to the first taker that is not cancelled, or to the buffer`()
        async throws
    {
        let takers = (0..<3).map { _ in taker() }
        takers[0].waiter.resolve(.cancelled)
        takers[2].waiter.resolve(.cancelled)
        with(capacity: 1) { state, wakeups in
            for taker in takers { state.takers.append(taker.place) }
            #expect(state.give(1, priority: 0, &wakeups) == true)
            #expect(state.buffer.isEmpty)
            #expect(state.give(2, priority: 0, &wakeups) == true)
            #expect(state.buffer.count == 1)
            #expect(state.takers.isEmpty)
            #expect(state.give(3, priority: 0, &wakeups) == false)
            #expect(state.received == 2)
        }
        #expect(try takers[1].place.take() == 1)
        for taker in takers { _ = await taker.waiter.wait() }
    }

    @Test func `a taker that is cancelled just as a giver is let in: the element stays`()
        async throws
    {
        let cancelled = taker()
        let wishes = [giver(.slots(2)), giver(.element(7, priority: 0))]
        with(capacity: 2) { state, wakeups in
            #expect(state.reserve(2) == true)
            for wish in wishes { state.givers.append(wish.place) }
            state.takers.append(cancelled.place)
            state.serve(&wakeups)
            #expect(state.givers.count == 2)
            // The first giver leaves; the taker has been cancelled, and has not left.
            cancelled.waiter.resolve(.cancelled)
            state.givers.remove(wishes[0].place)
            state.serve(&wakeups)
            #expect(state.givers.isEmpty)
            // Above the capacity, for the next.
            #expect(state.buffer.count == 1)
            #expect(state.free == -1)
            #expect(state.give(8, priority: 0, &wakeups) == false)
            #expect(state.reserve(1) == false)
            #expect(state.take(&wakeups) == 7)
            #expect(state.free == 0)
        }
        _ = await wishes[1].waiter.wait()
        wishes[0].waiter.resolve(.cancelled)
        _ = await wishes[0].waiter.wait()
        _ = await cancelled.waiter.wait()
    }

    @Test func `a giver that is cancelled, and has not left, gives nothing`() async {
        let givers = [1, 2].map { giver(.element($0, priority: 0)) }
        givers[0].waiter.resolve(.cancelled)
        with(capacity: 0) { state, wakeups in
            for giver in givers { state.givers.append(giver.place) }
            #expect(state.take(&wakeups) == 2)
            #expect(state.take(&wakeups) == nil)
            #expect(state.givers.isEmpty)
            #expect(state.received == 1)
        }
        for giver in givers { _ = await giver.waiter.wait() }
    }

    @Test func `a cancelled wish for slots reserves none`() async {
        let wish = giver(.slots(1))
        with(capacity: 1) { state, wakeups in
            #expect(state.reserve(1) == true)
            state.givers.append(wish.place)
            wish.waiter.resolve(.cancelled)
            state.unreserve(1, &wakeups)
            #expect(state.reserved == 0)
            #expect(state.givers.isEmpty)
        }
        _ = await wish.waiter.wait()
    }
}
