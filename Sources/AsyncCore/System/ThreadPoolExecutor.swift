// Swift tasks on the threads of a pool.

/// Runs tasks on a pool's threads.
///
/// A task that prefers it sees its task-local values there, and whether it is cancelled. Each job
/// is claimed beforehand: only tasks that never suspend, and so have one job, may prefer it.
final class ThreadPoolExecutor: TaskExecutor, Sendable {
    let threads: ThreadPool

    init(threads: ThreadPool) { self.threads = threads }

    /// Hands a job in; called by the Swift runtime.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        threads.submit {
            // SAFETY: the closure keeps the executor alive while the job runs, and runs it once.
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
