// A fair queue of waiting tasks, on which the primitives stand.

/// Tasks that wait for permits, first come, first served.
///
/// Not synchronised: the primitive's lock owns it. Hand-over happens under that lock: the moment a
/// waiter is granted what it waits for, it has it, and nobody can come in between; its task is made
/// ready after the lock was let go.
///
/// A waiter whose task was cancelled, and that is still in the queue, refuses the grant, which goes
/// on to the next.
struct WaiterQueue {
    private let waiters = WaiterList()

    var isEmpty: Bool { waiters.isEmpty }
    var count: Int { waiters.count }

    /// Puts a waiter at the end.
    func append(_ waiter: Waiter, permits: Int) {
        waiter.permits = permits
        waiters.append(waiter)
    }

    /// Takes a waiter out whose wait ended otherwise.
    func remove(_ waiter: Waiter) { waiters.remove(waiter) }

    /// Hands permits to those at the head, in order, as far as they suffice.
    ///
    /// - Returns: whom to make ready once the lock is let go.
    func grant(from available: inout Int) -> Granted {
        var granted = Granted()
        while let head = waiters.first, head.permits <= available {
            waiters.remove(head)
            switch head.claim(.completed) {
            case .lost: continue
            case .won: available -= head.permits
            case .wonSuspended:
                available -= head.permits
                granted.add(head)
            }
        }
        return granted
    }

    /// Ends all waits with `outcome`.
    func endAll(_ outcome: Waiter.Outcome) -> Granted {
        var granted = Granted()
        while let head = waiters.popFirst() {
            if case .wonSuspended = head.claim(outcome) { granted.add(head) }
        }
        return granted
    }

    /// Waiters that were claimed under the lock, and are to be made ready without it.
    struct Granted {
        private var first: Waiter?
        private var others: [Waiter] = []

        fileprivate mutating func add(_ waiter: Waiter) {
            if first == nil { first = waiter } else { others.append(waiter) }
        }

        /// Makes them ready, in order.
        ///
        /// No lock may be held.
        func resume() {
            first?.resume()
            for waiter in others { waiter.resume() }
        }
    }
}
