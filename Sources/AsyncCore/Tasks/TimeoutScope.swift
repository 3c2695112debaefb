// The scope of a plain timeout: the cheapest there is, as nobody but the deadline can cancel it.

/// A deadline over a child task.
///
/// Owner thread only.
@usableFromInline
final class TimeoutScope: DeadlineScope, EnclosingScope, @unchecked Sendable {
    // SAFETY: `deadline` and `outer` are immutable. `body` is touched on the loop's thread only: by
    // the child task, which runs there, and between jobs.
    private let deadline: UInt64
    private let outer = ScopeContext.innermost.get()
    private var body: TaskIdentity?

    override init(core: LoopCore, deadline: UInt64) {
        self.deadline = deadline
        super.init(core: core, deadline: deadline)
    }

    /// A scope on the calling task's loop; nil if the caller does not run there.
    @usableFromInline
    static func after(
        _ duration: Duration, in isolation: (any Actor)?
    ) throws -> TimeoutScope? {
        guard let core = try home(for: "withTimeout", in: isolation) else { return nil }
        return TimeoutScope(core: core, deadline: core.deadline(after: duration))
    }

    /// A scope on the calling task's loop; nil if the caller does not run there.
    @usableFromInline
    static func at(
        _ deadline: ContinuousClock.Instant, in isolation: (any Actor)?
    ) throws -> TimeoutScope? {
        guard let core = try home(for: "withDeadline", in: isolation) else { return nil }
        return TimeoutScope(core: core, deadline: core.deadline(at: deadline))
    }

    private static func home(
        for operation: StaticString, in isolation: (any Actor)?
    ) throws -> LoopCore? {
        guard let core = LoopCore.current(for: operation, in: isolation) else { return nil }
        if core.isStopped { throw EventLoopError.stopped }
        return core
    }

    /// Runs the body in the calling (child) task.
    @inlinable
    nonisolated(nonsending) func run<R: Sendable>(
        _ operation: sending @escaping () async throws -> R
    ) async throws -> R {
        if isOnLoop { return try await runHere(operation) }
        return try await runOnLoop(operation)
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func runHere<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        begin()
        defer { end() }
        return try await ScopeContext.innermost.withValue(self, operation: operation)
    }

    /// The child is elsewhere if its parent came to the loop by an actor's executor, and does not
    /// prefer the loop as a task: then the body gets a task of the loop.
    @usableFromInline
    nonisolated(nonsending) func runOnLoop<R: Sendable>(
        _ operation: sending @escaping () async throws -> R
    ) async throws -> R {
        let handle = core.spawn(name: nil, isScoped: true) { try await self.runHere(operation) }
        return try await withTaskCancellationHandler {
            try await handle.value
        } onCancel: {
            handle.cancel()
        }
    }

    @usableFromInline var isOnLoop: Bool { core.isCurrent }

    /// The calling task is the body.
    @usableFromInline
    func begin() {
        body = TaskIdentity.current
        if reason != nil { cancelBody() }
    }

    @usableFromInline
    func end() {
        body = nil
        finish()
    }

    /// The error to throw for a body that ended in a cancellation.
    @usableFromInline
    func cause(of error: CancellationError) -> any Error {
        // The caller's own cancellation is not swallowed, also if the deadline has passed too.
        if TaskIdentity.isCurrentCancelled { return error }
        return switch reason {
        case .expired: TimeoutError()
        case .stopped: EventLoopError.stopped
        case nil: error
        }
    }

    override func cancelBody() { body?.cancel() }

    @usableFromInline var effectiveDeadline: ContinuousClock.Instant? {
        let outer = outer?.effectiveDeadline
        if isOver { return outer }
        return ScopeContext.earlier(Monotonic.instant(of: deadline, of: core), outer)
    }
}
