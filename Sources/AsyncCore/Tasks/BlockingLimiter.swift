// How much blocking work runs at once, and who waits for his turn.

/// Admits work to a pool: so many at once, the others first come, first served, up to a bound.
///
/// Any thread. Invariant: permits that are out + permits that are free = the limit + debts, where a
/// debt is work that came back from a portal while nobody had a permit to give.
final class BlockingLimiter: Sendable {
    private struct State: TimedState {
        let watchers = WaiterQueue<Void, Void>()
        var isClosed = false
        var waiting = 0
        var running = 0
        var debts = 0
        var ended: UInt64 = 0
        var abandoned: UInt64 = 0
    }

    private let permits: AsyncSemaphore
    private let maximumWaiting: Int
    private let monitor = Monitor(State())

    init(permits: Int, maximumWaiting: Int) {
        do throws(SemaphoreError) { self.permits = try AsyncSemaphore(permits) } catch {
            preconditionFailure("a BlockingPool cannot have \(permits) threads")
        }
        self.maximumWaiting = maximumWaiting
    }

    /// Waits for a permit.
    ///
    /// ## Cancellation
    /// *Loses its place*.
    nonisolated(nonsending) func enter() async throws {
        if TaskIdentity.isCurrentCancelled { throw CancellationError() }
        if !permits.tryAcquire() {
            try beginWait()
            defer { monitor.withLock { $0.waiting -= 1 } }
            do {
                try await permits.acquire()
            } catch is SemaphoreError {
                throw BlockingError.closed
            }
        }
        do throws(BlockingError) { try begin() } catch {
            release()
            throw error
        }
    }

    /// Counts work in, unless the pool was closed meanwhile: whoever then waits for its end must
    /// not overlook it.
    private func begin() throws(BlockingError) {
        try monitor.withLock { state throws(BlockingError) in
            if state.isClosed { throw .closed }
            state.running += 1
        }
    }

    private func beginWait() throws(BlockingError) {
        try monitor.withLock { state throws(BlockingError) in
            if state.isClosed { throw .closed }
            if state.waiting >= maximumWaiting { throw .full(waiting: maximumWaiting) }
            state.waiting += 1
        }
    }

    /// Gives a permit back whose work did not run.
    func leave() {
        monitor.change { state, isNews in
            state.running -= 1
            isNews = state.isClosed
        }
        release()
    }

    /// The work has ended.
    func end(wasAbandoned: Bool) {
        monitor.withLock { state in
            state.ended += 1
            if wasAbandoned { state.abandoned += 1 }
        }
        leave()
    }

    /// Lets others have the permit of work that waits for a loop.
    func lend() { release() }

    /// Takes a permit for work that goes on, or owes it: it must not wait for work that may in turn
    /// wait for it.
    func reclaim() {
        if !permits.tryAcquire() { monitor.withLock { $0.debts += 1 } }
    }

    private func release() {
        let isOwed = monitor.withLock { state in
            if state.debts == 0 { return false }
            state.debts -= 1
            return true
        }
        if isOwed { return }
        do throws(SemaphoreError) { try permits.release(1) } catch {
            preconditionFailure("a permit of a BlockingPool was released twice: \(error)")
        }
    }

    /// Fails all who wait, and all who come.
    func close() {
        monitor.change { state, _ in state.isClosed = true }
        permits.close()
    }

    /// Waits until a closed pool's work has ended.
    nonisolated(nonsending) func waitUntilIdle(deadline: UInt64) async throws {
        try await monitor.wait("BlockingPool.shutdown") { state, now in
            if state.running == 0 { return .answer(()) }
            if now >= deadline { throw TimeoutError() }
            return .later(deadline: deadline)
        }
    }

    var statistics: (running: Int, waiting: Int, ended: UInt64, abandoned: UInt64) {
        monitor.withLock { ($0.running, $0.waiting, $0.ended, $0.abandoned) }
    }
}
