import AsyncCore
import AsyncCoreTestSupport
import Testing

/// The example of Monitor's documentation, with public API only: what an outside package can write.
private struct TurnState: Sendable {
    var isTaken = false
    let queue = WaiterQueue<Void, Void>()
}

private final class Turn: Sendable {
    private let monitor = Monitor(TurnState())

    func take() async throws {
        try await monitor.wait("Turn.take", ()) { state, _, place in
            if !state.isTaken {
                state.isTaken = true
                return ()
            }
            state.queue.append(place)
            return nil
        }
        if Task.isCancelled {
            give()
            throw CancellationError()
        }
    }

    func give() {
        monitor.withLock { state, wakeups in
            if !state.queue.grantFirst((), &wakeups) { state.isTaken = false }
        }
    }

    var waiting: Int { monitor.withLock { state in state.queue.count } }
    var isTaken: Bool { monitor.withLock { state in state.isTaken } }
}

@Suite(.watched)
struct MonitorTests {
    @Test func `a primitive made outside is fair, and loses nothing to a cancellation`()
        async throws
    {
        try await onLoop {
            let turn = Turn()
            let order = Recorder<Int>()
            try await turn.take()
            let handles = (0..<4).map { index in
                spawn {
                    try await turn.take()
                    order.append(index)
                    turn.give()
                }
            }
            try await settle()
            #expect(turn.waiting == 4)
            handles[1].cancel()
            try await settle()
            #expect(turn.waiting == 3)
            turn.give()
            // Handed over to the first, and cancelled before it ran: it goes on.
            handles[0].cancel()
            try await settle()
            #expect(order.elements == [2, 3])
            #expect(!turn.isTaken)
            for handle in handles { _ = await handle.result }
        }
    }

    @Test func `a wait that nothing may interrupt outlasts a cancellation`() async throws {
        try await onLoop {
            let monitor = Monitor(WaiterQueue<Void, Int>())
            let handle = spawn {
                let value = try await monitor.waitUninterrupted("test", ()) { queue, _, place in
                    queue.append(place)
                    return nil as Int?
                }
                return (value, Task.isCancelled)
            }
            try await settle()
            handle.cancel()
            try await settle()
            #expect(!handle.isFinished)
            monitor.withLock { queue, wakeups in _ = queue.grantFirst(5, &wakeups) }
            let (value, wasCancelled) = try await handle.value
            #expect(value == 5)
            #expect(wasCancelled)
        }
    }

    @Test func `what is decided with an error neither waits nor keeps a place`() async throws {
        struct Refused: Error {}
        try await onLoop {
            let monitor = Monitor(WaiterQueue<Void, Int>())
            await #expect(throws: Refused.self) {
                _ = try await monitor.wait("test", ()) { _, _, place -> Int? in
                    if place == nil { return nil }
                    throw Refused()
                }
            }
            #expect(monitor.withLock { queue in queue.isEmpty })
        }
    }

    @Test func `a task that is cancelled already does not even look`() async throws {
        try await onLoop {
            let monitor = Monitor(0)
            let handle = spawn {
                try await monitor.wait("test", ()) { state, _, _ -> Int? in
                    state += 1
                    return state
                }
            }
            handle.cancel()
            await #expect(throws: CancellationError.self) { try await handle.value }
            #expect(monitor.withLock { state in state } == 0)
        }
    }
}
