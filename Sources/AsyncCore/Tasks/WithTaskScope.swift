// A scope for tasks around a piece of code.

/// Runs `body`, which may start tasks, and returns when all of them have ended: trio's nursery,
/// asyncio's `TaskGroup`.
///
/// ```swift
/// try await withTaskScope { scope in
///     scope.spawn { try await serve(listener) }
///     scope.spawn { try await collectGarbage() }
///     try await signal.wait()
///     scope.cancel()
/// }
/// ```
///
/// The first of the body and the children that fails cancels the others. All are awaited before
/// anything is thrown: one error as it is, several as a ``TaskScopeError``. Cancellations are no
/// errors of the scope. So after ``TaskScope/cancel(_:)`` the body's value is returned; a body that
/// was still at work ends with that, too, if it has no value to return, and with
/// ``ScopeCancelledError`` if it has.
///
/// The body runs in a task of its own, so that a child's failure can cancel it.
///
/// ## Cancellation
/// Cancels the body and the children, and waits for them. If all of them end well, the body's value
/// is returned all the same; if one fails, its error is thrown, and the caller's next suspension
/// sees the cancellation.
///
/// - Parameters:
///   - limit: How many children run at the same time at most; 1 or more; nil for any number.
///   - timeout: How long body and children may take; nil for ever.
///   - deadline: When body and children must have ended. With both, the earlier counts.
///   - body: Starts children, and what else there is to do.
/// - Returns: The body's value.
/// - Throws: The error that there was; ``TaskScopeError`` if there were several; without an error,
///   `CancellationError` if the caller is cancelled, ``TimeoutError`` if the deadline has passed,
///   and the body or a child ended because of that; ``ScopeCancelledError``;
///   ``EventLoopError/stopped`` if the loop has stopped, or stops before the scope is over.
/// - Precondition: The caller runs on an event loop, and `limit` is at least 1.
@discardableResult
public nonisolated(nonsending) func withTaskScope<R: Sendable>(
    limit: Int? = nil, timeout: Duration? = nil, deadline: ContinuousClock.Instant? = nil,
    _ body: sending @escaping (TaskScope) async throws -> R
) async throws -> R {
    precondition(limit ?? 1 >= 1, "withTaskScope needs a limit of at least 1")
    let scope = try TaskScope(
        core: currentCore("withTaskScope", in: #isolation), limit: limit,
        cancelScope: CancelScope(timeout: timeout, deadline: deadline))
    return try await scope.run(body)
}
