// A thread for code that blocks: a loop's run.
internal import AsyncCore

/// Runs synchronous work on a new thread that may block, within a task, so that the caller's
/// task-local values are seen there.
///
/// ## Cancellation
/// Calls `onCancel`, and waits for the work; `Task.isCancelled` is true in it.
nonisolated(nonsending) func onOwnThread<R: Sendable>(
    onCancel: @escaping @Sendable () -> Void, do work: sending @escaping () throws -> R
) async throws -> R {
    // The caller may run on virtual time itself.
    let loop = EventLoop.current
    loop?.holdVirtualTime()
    defer { loop?.releaseVirtualTime() }
    let task = Task(executorPreference: OwnThread()) { try work() }
    return try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        task.cancel()
        onCancel()
    }
}

/// Runs each job on a thread of its own.
private final class OwnThread: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        do {
            try CurrentThread.start(name: "virtual-time") {
                // SAFETY: the job was enqueued once, and this is where it runs; the closure holds
                // the executor until it has.
                unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
            }
        } catch {
            preconditionFailure("no thread can be started for a run on virtual time: \(error)")
        }
    }
}
