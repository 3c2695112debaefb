// A deadline over a child task.

/// Cancels a child task when a deadline has passed.
///
/// Owner thread only.
///
/// Who can win: the body that ends (then the timer goes), or the deadline (then the body is
/// cancelled, and its clean-up is awaited by whoever awaits the child). A body that ends in the
/// turn of the deadline wins.
final class DeadlineScope: CompletionTarget, @unchecked Sendable {
    // SAFETY: touched on the loop's thread only: by the child task, which runs there, and between
    // jobs.
    private let core: LoopCore
    private var timer: TimerToken?
    private var body: TaskIdentity?
    private var isBodyOver = false

    /// Whether the deadline cancelled the body.
    private(set) var hasExpired = false

    init(core: LoopCore, deadline: UInt64) {
        self.core = core
        super.init()
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
        if hasExpired { body?.cancel() }
        defer { end() }
        return try await operation()
    }

    private func end() {
        body = nil
        isBodyOver = true
        if let timer { core.poller.removeTimer(timer, target: self) }
        timer = nil
    }

    override func deadlinePassed() {
        timer = nil
        core.noteExpired(self)
    }

    func cancelBody() {
        if isBodyOver { return }
        hasExpired = true
        body?.cancel()
    }
}
