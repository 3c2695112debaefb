import Glibc

/// The least that can run Swift tasks: an array of jobs, run by the thread that calls `run`.
///
/// No lock, no kernel call, no timers, no wake-up from other threads. What an operation costs here
/// is what Swift's runtime itself costs, so no event loop in Swift can cost less.
///
/// SAFETY of `@unchecked Sendable`: `ready` and `finished` are used on the thread of `run` alone;
/// `enqueue` stops the process on any other.
final class MinimalExecutor: TaskExecutor, @unchecked Sendable {
    // Without the checks of exclusive access: they would be the executor's cost, not the runtime's.
    @exclusivity(unchecked) private var ready: [UnownedJob] = []
    @exclusivity(unchecked) private var finished = false
    private let thread = pthread_self()

    func enqueue(_ job: consuming ExecutorJob) {
        precondition(pthread_equal(thread, pthread_self()) != 0, "enqueued by another thread")
        ready.append(UnownedJob(job))
    }

    /// Runs a body, and every task that prefers this executor, until the body returns.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let outcome = Outcome<Value>()
        Task.detached(executorPreference: self) {
            do {
                outcome.value = .success(try await body())
            } catch {
                outcome.value = .failure(error)
            }
            self.finished = true
        }
        drain()
        return try outcome.take()
    }

    private func drain() {
        let executor = asUnownedTaskExecutor()
        var batch: [UnownedJob] = []
        while !finished {
            precondition(!ready.isEmpty, "every task waits and nothing is left to wake one")
            swap(&ready, &batch)
            for job in batch {
                job.runSynchronously(on: executor)
            }
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// Brings the result of a task to the thread that waits for it.
///
/// SAFETY of `@unchecked Sendable`: the task writes before it says that it is done, by a semaphore
/// or on the reading thread itself; the reader reads after that.
final class Outcome<Value>: @unchecked Sendable {
    var value: Result<Value, any Error>?

    func take() throws -> Value {
        guard let value else { preconditionFailure("read before the task was done") }
        return try value.get()
    }
}
