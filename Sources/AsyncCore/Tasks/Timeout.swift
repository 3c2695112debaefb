// Deadlines over a whole body of work.

/// The deadline of `withTimeout` or `withDeadline` passed before the body ended.
public struct TimeoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A timeout.
    public init() {}

    /// What happened, in words.
    public var description: String { "the deadline passed" }
}

/// Runs `body` and cancels it if it takes longer than `duration`: asyncio's `timeout` and
/// `wait_for`.
///
/// The body runs in a child task. When the time is up the child is cancelled, and its clean-up
/// awaited. A body that ends with a value all the same, or in the very turn of the deadline, has
/// its value returned; one that ends in an error of its own has that error thrown. With nested
/// timeouts that expire together, the outermost throws the ``TimeoutError``, and those within see a
/// cancellation. Zero, or a negative duration, cancels the body at its first suspension; an
/// enormous one never does.
///
/// ## Cancellation
/// Cancels the body, and waits for it; it is never taken for a timeout.
///
/// - Parameters:
///   - duration: How long the body may take, counted from the call.
///   - body: What to do.
/// - Returns: The body's value.
/// - Throws: ``TimeoutError``; `CancellationError` if the caller was cancelled; the body's own
///   error; ``EventLoopError/stopped`` if the loop has stopped, or stops before the body ends.
@inlinable @inline(__always)
public nonisolated(nonsending) func withTimeout<R: Sendable>(
    _ duration: Duration, _ body: sending @escaping () async throws -> R
) async throws -> R {
    guard let scope = try TimeoutScope.after(duration, in: #isolation) else {
        return try await CancelScope(timeout: duration).runToDeadline(body)
    }
    async let value = scope.run(body)
    do { return try await value } catch let error as CancellationError {
        throw scope.cause(of: error)
    }
}

/// Runs `body` and cancels it if it takes longer than `duration`, which the body can change.
///
/// As the form for a body without a parameter, and the body gets the scope that it runs in: it can
/// move the deadline with ``CancelScope/reschedule(after:)``, each time that there was progress for
/// instance. That costs about twice as much.
///
/// ## Cancellation
/// Cancels the body, and waits for it; it is never taken for a timeout.
///
/// - Parameters:
///   - duration: How long the body may take, counted from the call.
///   - body: What to do, with the scope it is in.
/// - Returns: The body's value.
/// - Throws: ``TimeoutError``; `CancellationError` if the caller was cancelled; the body's own
///   error; ``ScopeCancelledError`` if the scope was cancelled by hand, and the body ended in that;
///   ``EventLoopError/stopped`` if the loop has stopped, or stops before the body ends.
@inlinable @inline(__always)
public nonisolated(nonsending) func withTimeout<R: Sendable>(
    _ duration: Duration, _ body: sending @escaping (CancelScope) async throws -> R
) async throws -> R {
    let scope = CancelScope(timeout: duration)
    return try await scope.runToDeadline { try await body(scope) }
}

/// Runs `body` and cancels it at `deadline`, if it has not ended by then.
///
/// Otherwise as `withTimeout`.
///
/// ## Cancellation
/// Cancels the body, and waits for it; it is never taken for a timeout.
///
/// - Parameters:
///   - deadline: When the body must have ended. One in the past cancels it at its first suspension.
///   - body: What to do.
/// - Returns: The body's value.
/// - Throws: ``TimeoutError``; `CancellationError` if the caller was cancelled; the body's own
///   error.
@inlinable @inline(__always)
public nonisolated(nonsending) func withDeadline<R: Sendable>(
    _ deadline: ContinuousClock.Instant, _ body: sending @escaping () async throws -> R
) async throws -> R {
    guard let scope = try TimeoutScope.at(deadline, in: #isolation) else {
        return try await CancelScope(deadline: deadline).runToDeadline(body)
    }
    async let value = scope.run(body)
    do { return try await value } catch let error as CancellationError {
        throw scope.cause(of: error)
    }
}

/// Runs `body` and cancels it at `deadline`, which the body can change.
///
/// Otherwise as the form of `withTimeout` that gives the body its scope.
///
/// ## Cancellation
/// Cancels the body, and waits for it; it is never taken for a timeout.
///
/// - Parameters:
///   - deadline: When the body must have ended. One in the past cancels it at its first suspension.
///   - body: What to do, with the scope it is in.
/// - Returns: The body's value.
/// - Throws: ``TimeoutError``; `CancellationError` if the caller was cancelled; the body's own
///   error; ``ScopeCancelledError`` if the scope was cancelled by hand, and the body ended in that.
@inlinable @inline(__always)
public nonisolated(nonsending) func withDeadline<R: Sendable>(
    _ deadline: ContinuousClock.Instant, _ body: sending @escaping (CancelScope) async throws -> R
) async throws -> R {
    let scope = CancelScope(deadline: deadline)
    return try await scope.runToDeadline { try await body(scope) }
}

extension CancelScope {
    /// Runs `body` in the scope; what the scope cancelled is an error.
    @inlinable
    nonisolated(nonsending) func runToDeadline<R: Sendable>(
        _ body: sending @escaping () async throws -> R
    ) async throws -> R {
        do {
            return try await perform(body)
        } catch let ended as EndedByScope {
            throw ended.reason.error
        }
    }
}

extension CancellationReason {
    /// The error of work that has no value because of this.
    @usableFromInline var error: any Error {
        switch source {
        case .deadline: TimeoutError()
        case .loopStopped: EventLoopError.stopped
        case .program, .failure, .token: ScopeCancelledError(self)
        }
    }
}
