// Deadlines over a whole body of work.

/// The deadline of ``withTimeout(_:_:)`` or ``withDeadline(_:_:)`` passed before the body ended.
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
public nonisolated(nonsending) func withTimeout<R: Sendable>(
    _ duration: Duration, _ body: sending @escaping () async throws -> R
) async throws -> R {
    guard let core = LoopCore.current(for: "withTimeout") else {
        return try await withTimeoutOffLoop(duration, body)
    }
    return try await withDeadline(core.deadline(after: duration), core, body)
}

private nonisolated(nonsending) func withDeadline<R: Sendable>(
    _ deadline: UInt64, _ core: LoopCore, _ body: sending @escaping () async throws -> R
) async throws -> R {
    if core.isStopped { throw EventLoopError.stopped }
    let scope = DeadlineScope(core: core, deadline: deadline)
    async let value = scope.run(body)
    do {
        return try await value
    } catch let error as CancellationError {
        // The caller's own cancellation is not swallowed, also if the deadline has passed too.
        if TaskIdentity.isCurrentCancelled { throw error }
        switch scope.reason {
        case .expired: throw TimeoutError()
        case .stopped: throw EventLoopError.stopped
        case nil: throw error
        }
    }
}

/// Runs `body` and cancels it at `deadline`, if it has not ended by then.
///
/// Otherwise as ``withTimeout(_:_:)``.
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
public nonisolated(nonsending) func withDeadline<R: Sendable>(
    _ deadline: ContinuousClock.Instant, _ body: sending @escaping () async throws -> R
) async throws -> R {
    guard let core = LoopCore.current(for: "withDeadline") else {
        return try await withTimeoutOffLoop(ContinuousClock.now.duration(to: deadline), body)
    }
    return try await withDeadline(core.deadline(at: deadline), core, body)
}

/// The same, for callers that run on no loop: a group with a child that sleeps.
private nonisolated(nonsending) func withTimeoutOffLoop<R: Sendable>(
    _ duration: Duration, _ body: sending @escaping () async throws -> R
) async throws -> R {
    // A group's closure may run once only, but the type system does not know: the body travels in a
    // box.
    let work = OneShot(body)
    return try await withThrowingTaskGroup(of: TimeoutEvent<R>.self) { group in
        group.addTask {
            do { return .ended(.success(try await work.run())) } catch {
                return .ended(.failure(error))
            }
        }
        group.addTask {
            do { try await Task.sleep(for: max(duration, .zero)) } catch { return .timerCancelled }
            return .expired
        }
        var hasExpired = false
        for try await event in group {
            switch event {
            case .expired:
                hasExpired = true
                group.cancelAll()
            case .timerCancelled: break
            case .ended(let result):
                group.cancelAll()
                if case .failure(let error) = result, error is CancellationError, hasExpired,
                    !TaskIdentity.isCurrentCancelled
                {
                    throw TimeoutError()
                }
                return try result.get()
            }
        }
        preconditionFailure("the body of a timeout did not end")
    }
}

private enum TimeoutEvent<R: Sendable>: Sendable {
    case ended(Result<R, any Error>)
    case expired
    case timerCancelled
}

/// Carries a closure into one child task.
private final class OneShot<R: Sendable>: @unchecked Sendable {
    // SAFETY: made and emptied by one task each, the second started by the first.
    private let operation: () async throws -> R

    init(_ operation: sending @escaping () async throws -> R) { self.operation = operation }

    nonisolated(nonsending) func run() async throws -> R { try await operation() }
}
