// One cancellation handler for a whole stretch of a task's life.
//
// A handler around each wait takes the lock of the task's status twice, to be added and to be removed.
// One that is installed once, around a connection's handler or a loop's main body, or for all that a
// runner runs, costs nothing per wait: it posts to the task's standing waiter, which every wait of that
// task uses. The task leads to it, so child tasks, which are other tasks, fall back to a handler of their
// own.

extension LoopCore {
    /// Adds a cancellation handler for all waits of the calling task on this loop, until it is removed;
    /// nil if there is one, or the task's waits may end elsewhere.
    ///
    /// To be removed by a `defer` that comes right after it: see ``CancellationHandler``.
    func addStandingHandler(_ isolation: (any Actor)?) -> Waiter? {
        guard isCurrent(for: isolation), TaskIdentity.running.standingWaiter == nil else {
            return nil
        }
        let waiter = Waiter(hasStandingHandler: true, book: waitBook)
        waitBook.add(waiter)
        waiter.addHandler()
        return waiter
    }

    /// Removes what ``addStandingHandler(_:)`` has added for the calling task.
    @inline(never)
    func removeStandingHandler(_ waiter: Waiter?) {
        guard let waiter else { return }
        waiter.removeHandler()
        // The same task, and so the same thread, comes by here again.
        waitBook.remove(waiter)
    }

    /// Runs `body` with one cancellation handler for all waits of the calling task on this loop.
    nonisolated(nonsending) func withStandingHandler<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let waiter = addStandingHandler(#isolation)
        defer { removeStandingHandler(waiter) }
        return try await body()
    }
}
