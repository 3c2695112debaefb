// A channel between tasks, with ends that can be closed.

/// A bounded channel with ends that can be cloned: trio's memory channel, Tokio's `mpsc`.
///
/// Senders put elements in, receivers take them out, each element once, in their order. What is
/// different from an ``AsyncQueue``: it has ends, and ends when nobody holds them any more. When the
/// last sender is closed, or let go, the receivers get what is left and then the end of the channel;
/// when the last receiver is, the senders get an error at once.
///
/// ```swift
/// let (sender, receiver) = Channel<Line>.make(capacity: 16)
/// spawn {
///     for try await line in log.lines { try await sender.send(line) }
///     sender.close()
/// }
/// for try await line in receiver { print(line) }
/// ```
///
/// Both sides are served first come, first served: who waits has a claim on the next element, or
/// the next free slot, and nobody overtakes. Knows no loop: the ends can be used from several loops
/// and threads; each task resumes where it belongs.
///
/// Three errors are kept apart: the use of an end that is closed (``ChannelError/closed``), a
/// channel without receivers (``ChannelError/noReceivers``), and its end
/// (``ChannelError/endOfChannel``).
public enum Channel<Element: Sendable> {
    /// A new channel with one end on each side.
    ///
    /// - Parameter capacity: How many elements can be under way. With 0, a send ends when a receiver
    ///   has taken the element: a rendezvous.
    /// - Returns: Its ends. Hold them as long as they are needed: an end that is let go is closed.
    /// - Precondition: The capacity is 0 or more. A channel without a bound is made by
    ///   ``unbounded()``.
    public static func make(capacity: Int) -> (sender: Sender, receiver: Receiver) {
        precondition(
            capacity >= 0,
            "a channel has room for 0 elements or more, not \(capacity); see Channel.unbounded()")
        let monitor = Monitor(ChannelState<Element>(capacity: capacity))
        return (Sender(monitor), Receiver(monitor))
    }

    /// A new channel without a bound: whoever sends never waits.
    ///
    /// If elements come faster than they are received, it grows until the memory ends. Use it only
    /// where something else limits how many there can be.
    ///
    /// - Returns: Its ends. Hold them as long as they are needed: an end that is let go is closed.
    public static func unbounded() -> (sender: Sender, receiver: Receiver) {
        make(capacity: .max)
    }

    /// How a channel stands.
    public struct Statistics: Sendable, Equatable {
        /// Elements that were sent and not received.
        public var buffered: Int
        /// Slots that are reserved and not used.
        public var reserved: Int
        /// How many elements can be under way; nil without a bound.
        public var capacity: Int?
        /// Open senders.
        public var senders: Int
        /// Open receivers.
        public var receivers: Int
        /// Tasks that wait to send, or for a reservation.
        public var waitingSenders: Int
        /// Tasks that wait to receive.
        public var waitingReceivers: Int
        /// Elements that were sent since the channel was made.
        public var sent: UInt64
    }
}

extension Channel.Statistics {
    init(_ state: ChannelState<Element>) {
        let exchange = state.exchange
        buffered = exchange.buffer.count
        reserved = exchange.reserved
        capacity = exchange.capacity == .max ? nil : exchange.capacity
        senders = state.senders
        receivers = state.receivers
        waitingSenders = exchange.givers.count
        waitingReceivers = exchange.takers.count
        sent = exchange.received
    }
}
