// A doubly linked list of waiters, through the links that each has. Removal is O(1).

/// Waiters in the order in which they began to wait.
///
/// Not synchronised: its owner is a lock or a thread. A waiter is in one list at a time.
@safe
final class WaiterList {
    // SAFETY: the list owns its waiters, from the first on through the links forward; the links
    // backward, and `last`, refer to waiters that are in the list.
    private var head: Waiter?
    private unowned(unsafe) var last: Waiter?
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var first: Waiter? { head }

    func append(_ waiter: Waiter) {
        assert(!waiter.isQueued, "a waiter is in one list at a time")
        waiter.isQueued = true
        unsafe waiter.previous = last
        waiter.next = nil
        if let last = unsafe last { last.next = waiter } else { head = waiter }
        unsafe last = waiter
        count += 1
    }

    /// Takes the waiter out; false if it is in no list any more.
    @discardableResult
    func remove(_ waiter: Waiter) -> Bool {
        guard waiter.isQueued else { return false }
        waiter.isQueued = false
        let next = waiter.next
        let previous = unsafe waiter.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { previous.next = next } else { head = next }
        waiter.next = nil
        unsafe waiter.previous = nil
        count -= 1
        return true
    }

    func popFirst() -> Waiter? {
        guard let first else { return nil }
        remove(first)
        return first
    }

    deinit {
        // Taken out one by one: a long chain of owners would be freed by recursion.
        while popFirst() != nil {}
    }
}
