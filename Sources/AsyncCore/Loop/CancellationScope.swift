// One cancellation handler for a whole stretch of a task's life.
//
// A handler around each wait costs 10 to 15 % of a small echo round trip. One that is installed
// once, around a connection's handler or a loop's main body, costs nothing per wait: it posts to
// the task's standing waiter, which every wait of that task uses. The loop finds it by the task's
// identity, so child tasks, which are other tasks, fall back to a handler of their own.

extension LoopCore {
    /// Runs `body` with one cancellation handler for all waits of the calling task on this loop.
    nonisolated(nonsending) func withStandingHandler<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        guard isCurrent(for: #isolation), let task = TaskIdentity.current,
            waiterPool.value.standing[task] == nil
        else {
            return try await body()
        }
        let waiter = Waiter(hasStandingHandler: true, book: waitBook)
        waiterPool.value.standing.insert(waiter, for: task)
        // The same task, and so the same thread, comes by here again: nothing else removes the
        // entry.
        defer { waiterPool.value.standing.remove(task) }
        return try await withTaskCancellationHandler {
            try await body()
        } onCancel: {
            waiter.requestCancellation()
        }
    }
}
