// A deadline over a child task.

/// Cancels a child task when a deadline has passed.
///
/// Owner thread only.
///
/// Who can win: the body that ends (then the timer goes), or the deadline (then the body is
/// cancelled, and its clean-up is awaited by whoever awaits the child). A body that ends in the
/// turn of the deadline wins.
@safe
final class DeadlineScope: CompletionTarget, @unchecked Sendable {
    // SAFETY: touched on the loop's thread only: by the child task, which runs there, and between
    // jobs. The links backward refer to scopes that are in the list.
    private let core: LoopCore
    private var timer: TimerToken?
    private var body: TaskIdentity?
    private var isBodyOver = false

    /// Why the scope cancelled the body, if it did.
    private(set) var reason: Reason?

    enum Reason {
        case expired
        /// The loop stops, and can keep no deadline any more.
        case stopped
    }

    // Links of the loop's list of scopes, which holds each until its body is over.
    fileprivate var next: DeadlineScope?
    fileprivate unowned(unsafe) var previous: DeadlineScope?

    init(core: LoopCore, deadline: UInt64) {
        self.core = core
        super.init()
        core.deadlineScopes.add(self)
        if deadline != Monotonic.never {
            timer = core.poller.addTimer(at: deadline, target: self)
        }
    }

    /// Runs the body in the calling (child) task.
    ///
    /// The child is elsewhere if its parent came to the loop by an actor's executor, and does not
    /// prefer the loop as a task: then the body gets a task of the loop.
    nonisolated(nonsending) func run<R: Sendable>(
        _ operation: sending @escaping () async throws -> R
    ) async throws -> R {
        guard core.isCurrent else {
            let handle = core.spawn(name: nil) { try await self.runHere(operation) }
            return try await withTaskCancellationHandler {
                try await handle.value
            } onCancel: {
                handle.cancel()
            }
        }
        return try await runHere(operation)
    }

    private nonisolated(nonsending) func runHere<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        body = TaskIdentity.current
        if reason != nil { body?.cancel() }
        defer { end() }
        return try await operation()
    }

    private func end() {
        body = nil
        isBodyOver = true
        core.deadlineScopes.remove(self)
        if let timer { core.poller.removeTimer(timer, target: self) }
        timer = nil
    }

    override func deadlinePassed() {
        timer = nil
        core.noteExpired(self)
    }

    func cancelBody(_ reason: Reason) {
        if isBodyOver || self.reason != nil { return }
        self.reason = reason
        body?.cancel()
    }
}

/// The scopes of a loop whose bodies are not over.
///
/// Owner thread only.
@safe
final class DeadlineScopeList {
    // SAFETY: the list owns its scopes through the links forward; the links backward refer to scopes
    // that are in the list.
    private var first: DeadlineScope?

    func add(_ scope: DeadlineScope) {
        scope.next = first
        if let first { unsafe first.previous = scope }
        first = scope
    }

    func remove(_ scope: DeadlineScope) {
        let next = scope.next
        let previous = unsafe scope.previous
        if let next { unsafe next.previous = previous }
        if let previous { previous.next = next } else { first = next }
        scope.next = nil
        unsafe scope.previous = nil
    }

    /// The loop stops: cancels all bodies, whose callers learn that the loop has stopped.
    func stopAll() {
        var scope = first
        while let current = scope {
            scope = current.next
            current.cancelBody(.stopped)
        }
    }
}
