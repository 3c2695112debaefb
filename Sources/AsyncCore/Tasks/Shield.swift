// Work that is finished although its caller is cancelled.

/// Runs `body`, which does not see that the caller is cancelled: clean-up that must be finished.
///
/// The caller waits for the body, however long that takes; give the body a timeout of its own where
/// that matters. The caller's cancellation, and deadlines around it, take effect at its next
/// suspension after the shield. For work that is to outlive its caller, `spawn` a task.
///
/// On a loop the body runs on the loop, also while the loop ends; elsewhere on Swift's own threads.
///
/// ## Cancellation
/// *Not a cancellation point*: neither looked at before, nor while the body runs.
///
/// - Parameter body: What to finish.
/// - Returns: The body's value.
/// - Throws: The body's error.
@inlinable @inline(__always)
public nonisolated(nonsending) func withShield<R: Sendable, E: Error>(
    _ body: sending @escaping () async throws(E) -> R
) async throws(E) -> R {
    // An unstructured task is what a cancellation does not reach.
    let task = Task(
        name: Task.name, executorPreference: ScopeContext.executor(for: #isolation)
    ) { () -> Result<R, E> in
        await ScopeContext.innermost.withValue(nil) {
            do throws(E) { return .success(try await body()) } catch { return .failure(error) }
        }
    }
    return try await task.value.get()
}
