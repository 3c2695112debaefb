// The waiters of a loop that are not in use, and those that tasks keep for a stretch of their life.

/// Where the tasks of a loop get their waiters.
///
/// Loop thread only.
struct WaiterPool {
    private static let capacity = 1024

    private var spare: [Waiter] = []

    /// Where the loop's waits are noted.
    private let book: WaitBook

    init(book: WaitBook) { self.book = book }

    /// The waiters of tasks with a standing cancellation handler.
    var standing = TaskTable()

    /// The calling task's standing waiter, if it has one.
    @inline(__always)
    private var standingWaiter: Waiter? {
        guard standing.count > 0, let task = TaskIdentity.current else { return nil }
        return standing[task]
    }

    /// A waiter for one wait of the calling task.
    @inline(__always)
    mutating func make() -> Waiter { standingWaiter ?? makeUninterrupted() }

    /// A waiter that no standing handler knows.
    @inline(__always)
    mutating func makeUninterrupted() -> Waiter { spare.popLast() ?? Waiter(book: book) }

    /// Takes a waiter back, which nobody may hold any more in order to claim it.
    @inline(__always)
    mutating func recycle(_ waiter: Waiter) {
        if waiter.hasStandingHandler || spare.count >= Self.capacity { return }
        spare.append(waiter)
    }
}
