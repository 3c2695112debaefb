// A value, and news of its change.

/// A value that others watch: Tokio's `watch`.
///
/// Receivers wait for changes, and see the latest value only; what was replaced before they looked
/// they never see. For a configuration, a state, a progress: whatever makes its past uninteresting.
///
/// ```swift
/// let level = Watch(Level.info)
/// let changes = level.subscribe()
/// spawn {
///     for try await level in changes { logger.level = level }
/// }
/// try level.send(.debug)
/// ```
///
/// Ends by ``close()``, or when the last reference to it goes; a receiver that has not seen the last
/// value sees it before the end. Knows no loop: it can be used from several loops and threads; each
/// task resumes where it belongs.
///
/// ## Isolation
/// *Any task*; what is not `async` also from synchronous code.
public final class Watch<Value: Sendable>: Sendable {
    private let monitor: Monitor<WatchState<Value>>

    /// A watch without receivers.
    ///
    /// - Parameter value: The value at first.
    public init(_ value: Value) { monitor = Monitor(WatchState(value)) }

    deinit { close() }

    /// The latest value.
    public var value: Value { monitor.withLock { state in state.value } }

    /// Replaces the value, and tells the receivers.
    ///
    /// Also if the two are equal.
    ///
    /// - Parameter value: The new value.
    /// - Throws: ``ChannelError/closed`` if the watch is.
    public func send(_ value: Value) throws(ChannelError) {
        try monitor.withLockReleasing { state, wakeups throws(ChannelError) in
            try state.send(value, &wakeups)
        }
    }

    /// Changes the value in place, and tells the receivers.
    ///
    /// `body` works on a copy, which becomes the value when it returns. If somebody else has changed
    /// the value meanwhile, `body` runs again, on the new one. If it throws, nothing has changed, and
    /// nobody is told.
    ///
    /// - Parameter body: Changes the value; it should do nothing else, as it may run several times.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``ChannelError/closed`` if the watch is.
    public func modify<R>(_ body: (inout Value) throws -> R) throws -> R {
        while true {
            var (value, version) = monitor.withLock { state in (state.value, state.version) }
            let result = try body(&value)
            let before = try monitor.withLock { state, wakeups in
                state.version == version ? try state.send(value, &wakeups) : nil
            }
            // Lives until the lock is free: its deinit is code of the user's.
            if withExtendedLifetime(before, { before != nil }) { return result }
        }
    }

    /// A new receiver, of the changes from now on.
    ///
    /// It counts the present value as one that it has seen; see ``Receiver/markUnseen()``.
    ///
    /// - Returns: The receiver. It is closed when it is let go.
    public func subscribe() -> Receiver {
        Receiver(monitor, monitor.withLock { state in state.subscribe() })
    }

    /// Whether there are receivers.
    public var hasReceivers: Bool { monitor.withLock { state in state.receivers > 0 } }

    /// Waits until no receiver is left.
    ///
    /// Returns at once if there is none. A receiver that is made later opens the watch again.
    ///
    /// ## Cancellation
    /// *Loses its place*.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func waitUntilNoReceivers() async throws {
        try await monitor.wait("Watch.waitUntilNoReceivers", ()) { state, _, place in
            if state.receivers == 0 { return () }
            state.awaitingSolitude.append(place)
            return nil
        }
    }

    /// Ends the watch.
    ///
    /// A receiver that has not seen the last value sees it, and then the end. To close it twice does
    /// no harm.
    public func close() {
        monitor.withLock { state, wakeups in state.close(&wakeups) }
    }

    /// How a watch stands.
    public struct Statistics: Sendable, Equatable {
        /// How often the value was replaced.
        public var version: UInt64
        /// Open receivers.
        public var receivers: Int
        /// Tasks that wait for a change.
        public var waitingReceivers: Int
    }

    /// How the watch stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                version: state.version, receivers: state.receivers,
                waitingReceivers: state.waiting.count)
        }
    }
}
