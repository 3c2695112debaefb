// A scope around a piece of code.

/// Runs `body` so that it can be cancelled by itself: trio's `CancelScope` and `move_on_after`.
///
/// The body is cancelled by ``CancelScope/cancel(_:)``, or when its time is up; then its clean-up is
/// awaited, and the call returns nil. The caller itself is not cancelled.
///
/// ```swift
/// let page = try await withCancelScope(timeout: .seconds(2)) { scope in
///     try await fetch(url)
/// }
/// if let page { show(page) } else { showPlaceholder() }
/// ```
///
/// A body that ends with a value all the same has it returned. For an error instead of nil, use
/// `withTimeout` with a body that takes its scope.
///
/// ## Cancellation
/// Cancels the body, unless it is shielded, and waits for it in any case.
///
/// - Parameters:
///   - timeout: How long the body may take; nil for ever. Zero, or a negative duration, cancels it
///     at its first suspension.
///   - deadline: When the body is cancelled. With both, the earlier counts.
///   - isShielded: Whether the body is kept from seeing cancellations from outside; see
///     ``CancelScope/isShielded``.
///   - body: What to do; it gets the scope, to cancel it or to move its deadline.
/// - Returns: The body's value; nil if the scope was cancelled and the body ended in that
///   cancellation.
/// - Throws: The body's error; `CancellationError` if the caller is cancelled and the body ended
///   because of that; ``EventLoopError/stopped`` if the loop has stopped, or stops before the body
///   ends.
@inlinable @inline(__always) @discardableResult
public nonisolated(nonsending) func withCancelScope<R: Sendable>(
    timeout: Duration? = nil, deadline: ContinuousClock.Instant? = nil, isShielded: Bool = false,
    _ body: sending @escaping (CancelScope) async throws -> R
) async throws -> R? {
    let scope = CancelScope(timeout: timeout, deadline: deadline, isShielded: isShielded)
    return try await scope.run { try await body(scope) }
}
