// How the waits of a waiter end.

extension Waiter {
    /// How a wait ended.
    enum Outcome: UInt32, Sendable {
        case completed = 0  // what it waited for is there
        case cancelled = 1
        case closed = 2  // what it waited on was closed
        case stopped = 3  // the loop has stopped
    }

    /// What ``claim(_:)`` found.
    enum Claim {
        case lost  // the wait was over already, or none was under way
        case won  // won before the task suspended: it will see the outcome by itself
        case wonSuspended  // won; the claimer must call `resume()`, holding no lock
    }
}
