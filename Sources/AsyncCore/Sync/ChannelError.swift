// How a channel of any kind refuses, and how it ends.

/// The end of a ``Channel``, ``Broadcast`` or ``Watch``, or a wrong use of it.
public enum ChannelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// This end was closed before, or while the task waited.
    case closed
    /// Nobody will receive: the last receiver is gone, or has refused further elements.
    case noReceivers
    /// Nobody will send: the last sender is gone, and everything that it sent was received.
    case endOfChannel
    /// The receiver was too slow, and so many elements of a ``Broadcast`` were replaced before it
    /// received them.
    ///
    /// It goes on with the oldest element that is left.
    case lagged(by: Int)
    /// More slots were to be reserved than there will ever be.
    case reservationTooLarge(Int, capacity: Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .closed: "this end of the channel is closed"
        case .noReceivers: "the channel has no receivers"
        case .endOfChannel: "the channel has no senders, and nothing is left to receive"
        case .lagged(let missed): "\(missed) elements were missed"
        case .reservationTooLarge(let count, let capacity):
            "\(count) slots cannot be reserved in a channel of \(capacity)"
        }
    }
}
