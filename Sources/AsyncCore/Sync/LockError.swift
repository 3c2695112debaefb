// What can be done wrong with a lock.

/// A wrong use of an ``AsyncLock``, ``AsyncMutex``, ``AsyncCondition`` or ``AsyncRWLock``.
///
/// Nothing has changed then: the lock still serves all others.
public enum LockError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The task holds the lock already, and would wait for itself.
    case alreadyOwner
    /// Another task holds the lock.
    case notOwner
    /// Nobody holds the lock.
    case notLocked
    /// The caller is no task, which could hold the lock.
    case noTask
    /// A lock that lets so many read at once would let nobody read.
    case readersBelowOne(Int)

    /// Which rule was broken, in words.
    public var description: String {
        switch self {
        case .alreadyOwner: "the task holds the lock already, and would wait for itself"
        case .notOwner: "another task holds the lock"
        case .notLocked: "nobody holds the lock"
        case .noTask: "only a task can hold the lock, and the caller is none"
        case .readersBelowOne(let count): "a lock for \(count) readers at once lets nobody read"
        }
    }
}
