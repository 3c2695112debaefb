// What is left of a task that did not end well.

/// How a task failed, and what has to be kept of one that was cancelled.
///
/// Apart from the record, since few tasks have one.
final class TaskAftermath: Sendable {
    /// The error of the task, if it failed.
    let error: (any Error)?
    /// The task of the runtime: whoever has cancelled it may be about to tell it so.
    private let task: TaskIdentity
    private let core: LoopCore
    /// Its standing waiter: if the task ends elsewhere, whoever looks at the loop's tasks may still find it.
    private let waiter: Waiter?

    /// What is left of the calling task.
    init(error: (any Error)?, task: TaskIdentity, core: LoopCore) {
        self.error = error
        self.task = task
        self.core = core
        waiter = task.standingWaiter
        // SAFETY: given back in deinit.
        task.retain()
    }

    // SAFETY: held since init.
    deinit { task.release() }

    /// Nobody will look at the error any more: reports it, unless it is a cancellation.
    func reportError(in name: String?) {
        if let error, !(error is CancellationError) { core.reportUnhandled(error, in: name) }
    }
}
