// How a queue refuses.

/// The end of a queue, or a wrong use of it.
public enum QueueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The queue was shut down.
    ///
    /// It takes no elements; and it has none left to give.
    case shutDown
    /// There were more calls of ``AsyncQueue/taskDone()`` than elements.
    case taskDoneTooOften

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .shutDown: "the queue was shut down"
        case .taskDoneTooOften: "taskDone() was called more often than elements were put"
        }
    }
}
