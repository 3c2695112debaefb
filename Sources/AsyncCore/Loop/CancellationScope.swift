// One cancellation handler for a whole stretch of a task's life.
//
// A handler around each wait takes the lock of the task's status twice, to be added and to be removed.
// One that is installed once, around a connection's handler or a loop's main body, costs nothing per
// wait: it posts to the task's standing waiter, which every wait of that task uses. The loop finds it
// by the task's identity, so child tasks, which are other tasks, fall back to a handler of their own.

extension LoopCore {
    /// Adds a cancellation handler for all waits of the calling task on this loop, until it is removed;
    /// nil if there is one, or the task's waits may end elsewhere.
    ///
    /// To be removed by a `defer` that comes right after it: see ``CancellationHandler``.
    func addStandingHandler(_ isolation: (any Actor)?) -> CancellationHandler? {
        guard isCurrent(for: isolation), let task = TaskIdentity.current,
            waiterPool.value.standing[task] == nil
        else { return nil }
        let waiter = Waiter(hasStandingHandler: true, book: waitBook)
        waiterPool.value.standing.insert(waiter, for: task)
        return CancellationHandler(for: waiter)
    }

    /// Removes what ``addStandingHandler(_:)`` has added for the calling task.
    func removeStandingHandler(_ handler: CancellationHandler?) {
        guard let handler else { return }
        handler.remove()
        // The same task, and so the same thread, comes by here again: nothing else removes the entry,
        // which holds the waiter.
        waiterPool.value.standing.remove(TaskIdentity.running)
    }

    /// Runs `body` with one cancellation handler for all waits of the calling task on this loop.
    nonisolated(nonsending) func withStandingHandler<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let handler = addStandingHandler(#isolation)
        defer { removeStandingHandler(handler) }
        return try await body()
    }
}
