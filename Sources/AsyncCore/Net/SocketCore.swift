// What streams and listeners share: a watched socket on a loop, and calls that are forwarded to it.

/// A socket that belongs to a loop.
///
/// ``watch`` and the counters belong to the loop's thread. The object keeps the loop's executor, and with it the loop's core, alive.
final class SocketCore: @unchecked Sendable {
    // SAFETY: everything but `executor` and `core` is the loop thread's alone; calls from elsewhere are forwarded.
    let executor: LoopTaskExecutor
    let core: LoopCore
    let watch: Watch
    var isReading = false
    var isWriting = false
    var hasFinishedWriting = false
    var bytesRead: UInt64 = 0
    var bytesWritten: UInt64 = 0

    /// Takes `descriptor` over; closes it if the loop will not watch it.
    init(_ descriptor: CInt, core: LoopCore) throws(SystemError) {
        guard let executor = unsafe core.taskExecutorObject else {
            preconditionFailure("a loop without its executor")
        }
        self.executor = executor
        self.core = core
        watch = Watch(core: core)
        do {
            try watch.open(descriptor)
        } catch {
            Socket.close(descriptor, core.poller.systemCalls)
            throw error
        }
    }

    deinit {
        // The owner is gone, so nobody waits; only the descriptor is left to close, on the loop.
        guard watch.isOpen else { return }
        if core.isCurrent { watch.close() } else { ClosingWatch.close(watch, core) }
    }

    var calls: SystemCalls { core.poller.systemCalls }

    /// Runs `operation` on the socket's loop, for a caller that is elsewhere.
    nonisolated(nonsending) func forward<R: Sendable>(
        _ operation: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        if core.isStopped { throw EventLoopError.stopped }
        let handle = core.spawn(name: nil, operation)
        return try await withTaskCancellationHandler {
            try await handle.value
        } onCancel: {
            handle.cancel()
        }
    }

    /// Closes the socket, wherever the caller is. Done when it returns.
    nonisolated(nonsending) func close() async {
        if core.isCurrent || core.phase == .parked {
            watch.close()
            return
        }
        let core = core
        let closing = ClosingWatch(watch: watch)
        let done = EndSignal()
        core.post {
            closing.watch.close()
            done.set()
        }
        await done.waitUninterrupted()
    }
}

/// Carries a watch to its loop.
struct ClosingWatch: @unchecked Sendable {
    // SAFETY: only the loop's thread opens it.
    let watch: Watch

    static func close(_ watch: Watch, _ core: LoopCore) {
        let closing = ClosingWatch(watch: watch)
        core.post { closing.watch.close() }
    }
}
