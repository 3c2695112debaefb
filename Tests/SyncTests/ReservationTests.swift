import AsyncCore
import AsyncCoreTestSupport
import Testing

/// With public API only: what an outside package can write.
@Suite(.watched)
struct ReservationTests {
    private typealias Queue = WaiterQueue<Void, Int>

    private func reserve(_ monitor: Monitor<Queue>) -> Reservation<Queue, Void, Int> {
        monitor.reserve("test", ()) { queue, _, place in queue.append(place) }
    }

    private func grant(_ monitor: Monitor<Queue>, _ value: Int) -> Bool {
        monitor.withLock { queue, wakeups in queue.grantFirst(value, &wakeups) }
    }

    @Test func `what is granted before the wait, or in it, ends it`() async throws {
        try await onLoop {
            let monitor = Monitor(Queue())
            let first = reserve(monitor)
            #expect(grant(monitor, 1))
            let early = try await first.wait()
            #expect(early == 1)
            let second = reserve(monitor)
            spawn { #expect(grant(monitor, 2)) }
            let late = try await second.wait()
            #expect(late == 2)
            #expect(second.giveUp() == nil)
        }
    }

    @Test func `one that is given up leaves its queue, or returns what it was granted`() {
        let monitor = Monitor(Queue())
        let first = reserve(monitor)
        #expect(first.giveUp() == nil)
        #expect(!grant(monitor, 1))
        let second = reserve(monitor)
        #expect(grant(monitor, 2))
        #expect(second.giveUp() == 2)
        #expect(second.giveUp() == nil)
    }

    @Test func `a wait that is cancelled gives the place up, a grant before it is returned`()
        async throws
    {
        try await onLoop {
            let monitor = Monitor(Queue())
            for isGranted in [false, true] {
                let task = spawn { try await reserve(monitor).wait() }
                try await settle()
                if isGranted { #expect(grant(monitor, 3)) }
                task.cancel()
                if isGranted {
                    let value = try await task.value
                    #expect(value == 3)
                } else {
                    await #expect(throws: CancellationError.self) { try await task.value }
                }
                #expect(!grant(monitor, 4))
            }
        }
    }
}
