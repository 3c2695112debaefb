// A doubly linked list of waiters, through the links that each has. Removal is O(1). It owns
// nobody.

/// Waiters in the order in which they began to wait.
///
/// Not synchronised: its owner is a lock or a thread. A waiter is in one list at a time.
@safe
final class WaiterList {
    // SAFETY: a waiter is in a list only while its task waits, and the task holds it.
    private unowned(unsafe) var head: Waiter?
    private unowned(unsafe) var last: Waiter?
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var first: Waiter? { unsafe head }

    func append(_ waiter: Waiter) {
        assert(!waiter.isQueued, "a waiter is in one list at a time")
        waiter.isQueued = true
        unsafe waiter.previous = last
        unsafe waiter.next = nil
        if let last = unsafe last { unsafe last.next = waiter } else { unsafe head = waiter }
        unsafe last = waiter
        count += 1
    }

    /// Takes the waiter out; false if it is in no list any more.
    @discardableResult
    func remove(_ waiter: Waiter) -> Bool {
        guard waiter.isQueued else { return false }
        waiter.isQueued = false
        let next = unsafe waiter.next
        let previous = unsafe waiter.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { unsafe previous.next = next } else { unsafe head = next }
        unsafe waiter.next = nil
        unsafe waiter.previous = nil
        count -= 1
        return true
    }

    func popFirst() -> Waiter? {
        guard let first else { return nil }
        remove(first)
        return first
    }

    /// Ends all waits.
    ///
    /// Each waiter stays in the list until its task takes it out.
    func resolveAll(_ outcome: Waiter.Outcome) {
        var waiter = first
        while let current = waiter {
            waiter = unsafe current.next
            current.resolve(outcome)
        }
    }
}
