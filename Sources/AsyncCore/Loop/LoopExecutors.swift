// The two executors of a loop: thin objects over one core.
//
// Two, because one object that is both costs a switch of executors for every call of nonisolated
// code. The task executor is the normal one: nonisolated functions, child tasks and default actors
// of a task that prefers it run on the loop. The serial executor is for actors that ask for it.

/// Runs tasks on an event loop.
///
/// See ``EventLoop/taskExecutor``.
final class LoopTaskExecutor: TaskExecutor, Sendable {
    let core: LoopCore

    init(core: LoopCore) { self.core = core }

    /// Makes a job ready; called by the Swift runtime, from any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        core.enqueue(ReadyJob(UnownedJob(job), on: .task))
    }
}

/// Isolates actors to an event loop.
///
/// See ``EventLoop/serialExecutor``.
final class LoopSerialExecutor: SerialExecutor, Sendable {
    let core: LoopCore
    /// Kept alive for the tasks that jobs of this executor spawn.
    private let taskExecutor: LoopTaskExecutor

    init(core: LoopCore, taskExecutor: LoopTaskExecutor) {
        self.core = core
        self.taskExecutor = taskExecutor
    }

    /// Makes a job ready; called by the Swift runtime, from any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        core.enqueue(ReadyJob(UnownedJob(job), on: .serial))
    }

    /// Traps unless the caller runs on the loop.
    func checkIsolated() {
        precondition(core.isCurrent, "not isolated to this event loop: the code runs elsewhere")
    }

    /// Whether the caller runs on the loop.
    func isIsolatingCurrentContext() -> Bool? { core.isCurrent }
}
