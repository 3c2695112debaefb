// Async work for threads that may block.

extension EventLoop {
    /// Runs an async body on this loop, and blocks the calling thread until it has ended: asyncio's
    /// `run_coroutine_threadsafe`.
    ///
    /// For synchronous code on threads that run no loop; async code uses ``run(_:)``. A loop that
    /// somebody else drives through ``runReady(maxJobs:)`` must be driven by another thread
    /// meanwhile.
    ///
    /// - Parameters:
    ///   - name: The task's name, for diagnosis.
    ///   - body: What to do on the loop.
    /// - Returns: The body's value.
    /// - Throws: The body's error; ``EventLoopError/wouldDeadlock`` on the thread of any running
    ///   loop, which it would block; ``EventLoopError/stopped`` if the loop has stopped, or stops
    ///   before the body ends.
    @available(*, noasync, message: "use `try await run { … }`")
    public func runBlocking<R: Sendable>(
        name: String? = nil, _ body: sending @escaping () async throws -> R
    ) throws -> R {
        try core.runBlocking(name: name, body)
    }
}

extension LoopCore {
    /// Runs `body` as a task of this loop, and blocks the calling thread until it has ended.
    ///
    /// - Parameters:
    ///   - name: The task's name.
    ///   - body: What to do.
    ///   - started: Is given the task, to cancel it.
    /// - Returns: The body's value.
    /// - Throws: As ``EventLoop/runBlocking(name:_:)``.
    func runBlocking<R: Sendable>(
        name: String?, _ body: sending @escaping () async throws -> R,
        started: (TaskHandle<Void, Never>) -> Void = { _ in }
    ) throws -> R {
        if LoopCore.current != nil { throw EventLoopError.wouldDeadlock }
        if isStopped { throw EventLoopError.stopped }
        let call = BlockedCall<R>()
        started(spawn(name: name) { await call.run(body) })
        do { return try call.wait().get() } catch let error as CancellationError {
            // Nobody but the loop's end, or who got the task, can have cancelled it.
            if isStopping { throw EventLoopError.stopped }
            throw error
        }
    }
}

/// What a thread waits for that has sent a task to a loop.
private final class BlockedCall<R: Sendable>: @unchecked Sendable {
    // SAFETY: `result` is written by the task before `ended` is set, and read by the thread
    // afterwards.
    private let ended = EndSignal()
    private var result: Result<R, any Error>?

    nonisolated(nonsending) func run(_ body: () async throws -> R) async {
        do { result = .success(try await body()) } catch { result = .failure(error) }
        ended.set()
    }

    func wait() -> Result<R, any Error> {
        ended.waitBlocking()
        guard let result else { preconditionFailure("a call ended without a result") }
        return result
    }
}
