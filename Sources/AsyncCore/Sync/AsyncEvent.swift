// A flag that tasks wait for.
internal import Synchronization

/// A flag that tasks wait for until it is set: asyncio's `Event`.
///
/// Knows no loop: it can be made anywhere, and used from several loops and threads.
///
/// ## Cancellation
/// *No effect*: a task that is cancelled while it waits leaves; one that was woken by a set, and
/// cancelled after it, sees the set.
///
/// ## Isolation
/// *Any task*; all but ``wait()`` also from synchronous code.
public final class AsyncEvent: Sendable {
    /// Written under the monitor's lock only; a waiter looks there again before it queues, so no
    /// set is overlooked.
    private let flag: Atomic<Bool>
    private let monitor = Monitor(WaiterQueue<Void, Void>())

    /// An event, which is not set if nothing else is said.
    public init(isSet: Bool = false) { flag = Atomic(isSet) }

    /// Waits until the event is set; at once, if it is.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func wait() async throws {
        if LoopCore.unhinderedTask != nil, isSet { return }
        try await monitor.wait("AsyncEvent.wait", (), hasLooked: true) { queue, _, place in
            if isSet { return () }
            queue.append(place)
            return nil
        }
    }

    /// Wakes all who wait, and lets all through who come, until ``clear()``.
    public func set() {
        if isSet { return }
        monitor.withLock { queue, wakeups in
            flag.store(true, ordering: .releasing)
            queue.grantAll((), &wakeups)
        }
    }

    /// Makes those wait who come from now on.
    public func clear() {
        monitor.withLock { _ in flag.store(false, ordering: .releasing) }
    }

    /// Whether a wait would end at once.
    public var isSet: Bool { flag.load(ordering: .acquiring) }

    /// How an event stands.
    public struct Statistics: Sendable, Equatable {
        /// Whether it is set.
        public var isSet: Bool
        /// Tasks that wait.
        public var waiting: Int
    }

    /// How the event stands now.
    public var statistics: Statistics {
        monitor.withLock { queue in Statistics(isSet: isSet, waiting: queue.count) }
    }
}
