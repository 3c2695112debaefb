// The two ways to end a wait in one step: from anywhere, and on its loop.

extension Waiter {
    /// Ends the wait and makes its task ready, if nobody was faster.
    ///
    /// No lock may be held.
    @inline(__always) @discardableResult
    func resolve(_ outcome: Outcome) -> Bool {
        switch claim(outcome) {
        case .lost: return false
        case .won: return true
        case .wonSuspended:
            resume()
            return true
        }
    }

    /// Ends the wait with an event, on the thread of the waiter's loop; false if somebody was faster.
    @inline(__always)
    func complete() -> Bool {
        switch claim(.completed) {
        case .lost: return false
        case .won: return true
        case .wonSuspended:
            resumeHere()
            return true
        }
    }
}
