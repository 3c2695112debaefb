// The waiters of a loop that are not in use.

/// Where the tasks of a loop get their waiters.
///
/// Loop thread only.
struct WaiterPool {
    private static let capacity = 1024

    private var spare: [Waiter] = []

    /// Where the loop's waits are noted.
    private let book: WaitBook

    init(book: WaitBook) { self.book = book }

    /// A waiter for one wait of the calling task: its standing waiter, if it has one here.
    @inline(__always)
    mutating func make() -> Waiter {
        if let waiter = TaskIdentity.current?.standingWaiter, waiter.book === book {
            return waiter
        }
        return makeUninterrupted()
    }

    /// A waiter that no standing handler knows.
    @inline(__always)
    mutating func makeUninterrupted() -> Waiter { spare.popLast() ?? Waiter(book: book) }

    /// Takes a waiter back, which nobody may hold any more in order to claim it.
    @inline(__always)
    mutating func recycle(_ waiter: Waiter) {
        // Guests of an actor stand in no book, and would go on to do so.
        if waiter.hasStandingHandler || waiter.book !== book || spare.count >= Self.capacity {
            return
        }
        spare.append(waiter)
    }
}
