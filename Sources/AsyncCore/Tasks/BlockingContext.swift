// What work on a thread knows of the task that waits for it.

/// The way back for work that `blocking` runs on a
/// thread.
///
/// ## Isolation
/// Any thread, until the work has ended.
public final class BlockingContext: @unchecked Sendable {
    // SAFETY: `state` is guarded by `lock`. Tasks are cancelled without it.
    private struct State {
        var isCancelled = false
        var hasEnded = false
        var isAbandoned = false
        var nextCall = 0
        /// Calls into the loop that are under way.
        var calls: [Int: TaskHandle<Void, Never>] = [:]
    }

    private let lock = ThreadLock()
    private var state = State()
    private let pool: BlockingPool
    let core: LoopCore?

    init(pool: BlockingPool, core: LoopCore?) {
        self.pool = pool
        self.core = core
    }

    /// The loop whose task waits for the work, if it is a loop's.
    public var loop: EventLoop? { core?.face }

    /// Whether the task that waits for the work has been cancelled.
    ///
    /// Work that takes long should look now and then, and end.
    public var isCancelled: Bool { lock.withLock { state.isCancelled } }

    /// Throws if the task that waits for the work has been cancelled.
    ///
    /// - Throws: `CancellationError`.
    public func checkCancelled() throws(CancellationError) {
        if isCancelled { throw CancellationError() }
    }

    /// Runs an async body on the loop that the work was called from, and blocks until it has ended:
    /// a portal back.
    ///
    /// The body is cancelled with the task that waits for the work. It may itself use threads of
    /// the same pool: while the work waits here, its place in the pool is free for others.
    ///
    /// - Parameter body: What to do on the loop.
    /// - Returns: The body's value.
    /// - Throws: The body's error; `CancellationError`; ``EventLoopError/stopped`` if the loop has
    ///   stopped, or stops before the body ends; ``EventLoopError/wouldDeadlock`` on the thread of a
    ///   running loop; ``BlockingError/noLoop`` if the work was called from elsewhere;
    ///   ``BlockingError/ended`` if the work has ended; ``IOError`` if other work needs a thread, and
    ///   there is none to be had.
    @available(*, noasync)
    public func run<R: Sendable>(_ body: sending @escaping () async throws -> R) throws -> R {
        guard let core else { throw BlockingError.noLoop }
        let number = try lock.withLock {
            if state.hasEnded { throw BlockingError.ended }
            if state.isCancelled { throw CancellationError() }
            state.nextCall += 1
            return state.nextCall
        }
        defer { lock.withLock { _ = state.calls.removeValue(forKey: number) } }
        try pool.beginWaitForLoop()
        defer { pool.endWaitForLoop() }
        return try core.runBlocking(name: nil) {
            // The work goes on when the body has ended, and not a moment before.
            defer { core.holdVirtualTime() }
            return try await body()
        } started: { task in
            core.releaseVirtualTime()
            let isCancelled = lock.withLock {
                state.calls[number] = task
                return state.isCancelled
            }
            if isCancelled { task.cancel() }
        }
    }

    // MARK: - The task that waits

    /// Notes that the task that waits was cancelled.
    ///
    /// Any thread; idempotent.
    func cancel() {
        let calls = lock.withLock {
            state.isCancelled = true
            return Array(state.calls.values)
        }
        for call in calls { call.cancel() }
    }

    /// Notes that nobody waits any more; false if the work has ended already.
    func abandon() -> Bool {
        lock.withLock {
            state.isAbandoned = !state.hasEnded
            return state.isAbandoned
        }
    }

    /// Notes that the work has ended; true if nobody waits for it any more.
    func end() -> Bool {
        lock.withLock {
            state.hasEnded = true
            return state.isAbandoned
        }
    }
}
