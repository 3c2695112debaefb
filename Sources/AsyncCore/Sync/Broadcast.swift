// One sender's elements, for all who listen.

/// A channel on which every receiver gets every element: Tokio's `broadcast`.
///
/// The sender never waits. The latest elements, as many as the capacity, are kept for receivers that
/// are slower. One that falls further behind is told exactly how many elements it missed, by
/// ``ChannelError/lagged(by:)``, and goes on with the oldest that is left: no loss is silent.
///
/// ```swift
/// let events = Broadcast<Event>(capacity: 64)
/// let receiver = events.subscribe()
/// spawn {
///     while true {
///         do {
///             for try await event in receiver { show(event) }
///             return  // the end
///         } catch ChannelError.lagged(let missed) {
///             show("… \(missed) events missed …")
///         }
///     }
/// }
/// try events.send(.started)
/// ```
///
/// Ends by ``close()``, or when the last reference to it goes; the receivers get what is left, and
/// then the end. An element is kept no longer than somebody has yet to receive it. Knows no loop: it
/// can be used from several loops and threads; each task resumes where it belongs.
///
/// ## Isolation
/// *Any task*, and synchronous code.
public final class Broadcast<Element: Sendable>: Sendable {
    private let monitor: Monitor<BroadcastState<Element>>

    /// A broadcast without receivers.
    ///
    /// - Parameter capacity: How many elements are kept for slow receivers.
    /// - Precondition: The capacity is 1 or more.
    public init(capacity: Int) {
        precondition(capacity > 0, "a broadcast keeps at least 1 element, not \(capacity)")
        monitor = Monitor(BroadcastState(capacity: capacity))
    }

    deinit { close() }

    /// Sends an element to all receivers that there are now.
    ///
    /// - Parameter element: What to send.
    /// - Returns: How many receivers there are.
    /// - Throws: ``ChannelError/closed`` if the broadcast is.
    @discardableResult
    public func send(_ element: Element) throws(ChannelError) -> Int {
        let sent = try monitor.withLock { state, wakeups throws(ChannelError) in
            try state.send(element, &wakeups)
        }
        // What it replaces lives until the lock is free: its deinit is code of the user's.
        return withExtendedLifetime(sent) { sent.receivers }
    }

    /// A new receiver, of what is sent from now on.
    ///
    /// - Returns: The receiver. It is closed when it is let go.
    public func subscribe() -> Receiver {
        Receiver(monitor, monitor.withLock { state in state.subscribe() })
    }

    /// Ends the broadcast.
    ///
    /// The receivers get what is left, and then the end. To close it twice does no harm.
    public func close() {
        monitor.withLock { state, wakeups in state.close(&wakeups) }
    }

    /// How a broadcast stands.
    public struct Statistics: Sendable, Equatable {
        /// Elements that are kept, as somebody has yet to receive them.
        public var kept: Int
        /// How many are kept at most.
        public var capacity: Int
        /// Open receivers.
        public var receivers: Int
        /// Tasks that wait to receive.
        public var waitingReceivers: Int
        /// Elements that were sent since the broadcast was made.
        public var sent: UInt64
    }

    /// How the broadcast stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                kept: state.count, capacity: state.capacity, receivers: state.receivers,
                waitingReceivers: state.waiting.count, sent: state.sent)
        }
    }
}
