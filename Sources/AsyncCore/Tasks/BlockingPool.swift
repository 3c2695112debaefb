// A bounded number of threads for work that blocks.

/// Threads for synchronous work that blocks, such as file access or a C library's call.
///
/// Threads are started when they are needed, up to a limit, and end when they were idle for a
/// while. Work beyond the limit waits its turn, first come, first served, and beyond a second limit
/// is refused. If the system gives fewer threads, there is less work at a time. Several loops may
/// share a pool. Keep a pool for each purpose: then work that takes long does not get in the way of
/// what is quick.
///
/// ## Isolation
/// *Any task*.
public final class BlockingPool: Sendable {
    /// The pool of those who name none: 32 threads.
    ///
    /// Never close it.
    public static let shared = BlockingPool()

    private let limiter: BlockingLimiter
    private let threads: ThreadPool
    private let executor: ThreadPoolExecutor

    /// A pool, without a thread as yet.
    ///
    /// - Parameters:
    ///   - name: The threads' names begin with it; the kernel keeps 15 bytes, a number included.
    ///   - threads: How many run work at the same time at most.
    ///   - maximumWaiting: How many callers may wait for a thread.
    ///   - idleTime: How long a thread stays without work.
    /// - Precondition: `threads` is at least 1, and `maximumWaiting` at least 0.
    public convenience init(
        name: String = "blocking", threads: Int = 32, maximumWaiting: Int = 10_000,
        idleTime: Duration = .seconds(10)
    ) {
        self.init(
            threads: ThreadPool(
                name: name, maximum: threads, idleNanoseconds: Monotonic.adding(idleTime, to: 0)),
            maximumWaiting: maximumWaiting)
    }

    init(threads: ThreadPool, maximumWaiting: Int) {
        precondition(threads.maximum >= 1, "a BlockingPool needs at least 1 thread")
        precondition(maximumWaiting >= 0, "a BlockingPool cannot have \(maximumWaiting) waiting")
        limiter = BlockingLimiter(permits: threads.maximum, maximumWaiting: maximumWaiting)
        self.threads = threads
        executor = ThreadPoolExecutor(threads: threads)
    }

    deinit { threads.close() }

    /// Runs synchronous work on a thread of the pool, and awaits it.
    ///
    /// See `blocking`.
    ///
    /// ## Cancellation
    /// While it waits for a thread: *loses its place*, and the work does not run. Then: waits for
    /// the work, or, with `abandonOnCancel`, ends at once.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - abandonOnCancel: Whether a cancellation leaves the work to itself.
    ///   - body: The work.
    /// - Returns: The work's value.
    /// - Throws: The work's error; `CancellationError`; ``BlockingError``; ``IOError`` if there is
    ///   no thread to be had.
    public nonisolated(nonsending) func run<R: Sendable>(
        name: String? = nil, abandonOnCancel: Bool = false,
        _ body: sending @escaping (BlockingContext) throws -> R
    ) async throws -> R {
        try await limiter.enter()
        do throws(SystemError) { try threads.claim() } catch {
            limiter.leave()
            throw Self.noThread(error)
        }
        let core = LoopCore.current
        let context = BlockingContext(pool: self, core: core)
        let ended = abandonOnCancel ? EndSignal() : nil
        core?.holdVirtualTime()
        let task = start(name, context, ended, body)
        return try await withTaskCancellationHandler {
            do { try await ended?.wait() } catch {
                // Work that has just ended is not abandoned any more.
                if context.abandon() { throw error }
            }
            defer { core?.releaseVirtualTime() }
            return try await task.value
        } onCancel: {
            context.cancel()
            task.cancel()
        }
    }

    /// Starts the task that runs the work: a task, so that the work sees its caller's task-local
    /// values.
    private func start<R: Sendable>(
        _ name: String?, _ context: BlockingContext, _ ended: EndSignal?,
        _ body: sending @escaping (BlockingContext) throws -> R
    ) -> Task<R, any Error> {
        let limiter = limiter
        return Task(name: name, executorPreference: executor) {
            let result = Result {
                // Cancelled before it began: then it does not run.
                try context.checkCancelled()
                return try body(context)
            }
            let wasAbandoned = context.end()
            limiter.end(wasAbandoned: wasAbandoned)
            ended?.set()
            if wasAbandoned, let core = context.core {
                Self.report(result, name, core)
                core.releaseVirtualTime()
            }
            return try result.get()
        }
    }

    /// The error of work that nobody waits for any more is told to the loop's handler.
    private static func report<R>(
        _ result: Result<R, any Error>, _ name: String?, _ core: LoopCore
    ) {
        guard case .failure(let error) = result, !(error is CancellationError) else { return }
        core.reportUnhandled(error, in: name)
    }

    // MARK: - Work that waits for a loop

    func beginWaitForLoop() throws(IOError) {
        do throws(SystemError) { try threads.lend() } catch { throw Self.noThread(error) }
        limiter.lend()
    }

    func endWaitForLoop() {
        limiter.reclaim()
        threads.reclaim()
    }

    private static func noThread(_ error: SystemError) -> IOError {
        IOError(error, operation: "start a thread for blocking work")
    }

    // MARK: - The end

    /// Takes no more work.
    ///
    /// Callers that wait for a thread fail with ``BlockingError/closed``, and so does whoever comes
    /// later. Work that runs is not touched; threads end when they have nothing more to do.
    public func close() {
        limiter.close()
        threads.close()
    }

    /// Takes no more work, and waits until the work that runs has ended, abandoned work included.
    ///
    /// ## Cancellation
    /// Ends the wait; the pool is closed all the same.
    ///
    /// - Parameter timeout: How long to wait at most; nil for as long as it takes.
    /// - Throws: ``TimeoutError`` if work still runs then; `CancellationError`;
    ///   ``EventLoopError/stopped`` when the caller's loop ends.
    public nonisolated(nonsending) func shutdown(timeout: Duration? = nil) async throws {
        close()
        try await limiter.waitUntilIdle(deadline: Monotonic.deadline(after: timeout))
    }

    /// How a pool stands.
    public struct Statistics: Sendable, Equatable {
        /// Threads alive.
        public var threads: Int
        /// Of these, those without work.
        public var idleThreads: Int
        /// Times that the system gave no thread.
        public var failedThreadStarts: Int
        /// Work that runs now, abandoned work included.
        public var running: Int
        /// Callers that wait for a thread.
        public var waiting: Int
        /// Work that has ended.
        public var ended: UInt64
        /// Of these, work whose caller had been cancelled, and waited no more.
        public var abandoned: UInt64
    }

    /// How the pool stands now.
    public var statistics: Statistics {
        let (counts, idle) = threads.snapshot
        let work = limiter.statistics
        return Statistics(
            threads: counts.threads, idleThreads: idle, failedThreadStarts: counts.failedStarts,
            running: work.running, waiting: work.waiting, ended: work.ended,
            abandoned: work.abandoned)
    }
}

/// Blocking work that cannot be done, or not in this way.
public enum BlockingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// As many callers wait for a thread as may.
    case full(waiting: Int)
    /// The pool was closed.
    case closed
    /// The work was called from a task that runs on no loop, so there is none to call back.
    case noLoop
    /// The work has ended, and its context with it.
    case ended

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .full(let waiting): "\(waiting) callers wait for a thread already"
        case .closed: "the pool of threads is closed"
        case .noLoop: "the work was not called from an event loop: there is none to call back"
        case .ended: "the blocking work has ended: its context is of no more use"
        }
    }
}
