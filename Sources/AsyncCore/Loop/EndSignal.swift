// How those who wait for a loop's end learn of it.

/// Set once, waited for by tasks and by threads.
final class EndSignal: @unchecked Sendable {
    // SAFETY: `isSet` and `waiters` are guarded by `condition`'s lock.
    private let condition = ThreadCondition()
    private var isSet = false
    private let waiters = WaiterList()

    /// Any thread.
    func set() {
        var suspended: [Waiter] = []
        condition.withLock {
            isSet = true
            while let waiter = waiters.popFirst() {
                if case .wonSuspended = waiter.claim(.completed) { suspended.append(waiter) }
            }
        }
        condition.signal()
        for waiter in suspended { waiter.resume() }
    }

    nonisolated(nonsending) func wait() async throws {
        let waiter = LoopCore.current?.makeUninterruptedWaiter(for: #isolation) ?? Waiter()
        guard enter(waiter) else { return }
        let outcome = await waiter.wait()
        condition.withLock { _ = waiters.remove(waiter) }
        if outcome == .cancelled { throw CancellationError() }
    }

    nonisolated(nonsending) func waitUninterrupted() async {
        let waiter = LoopCore.current?.makeUninterruptedWaiter(for: #isolation) ?? Waiter()
        if enter(waiter) { _ = await waiter.waitUninterrupted() }
    }

    /// False if it is set already.
    private func enter(_ waiter: Waiter) -> Bool {
        _ = waiter.begin("the end of something on another thread")
        let mustWait = condition.withLock {
            if !isSet { waiters.append(waiter) }
            return !isSet
        }
        if !mustWait { waiter.abandon() }
        return mustWait
    }

    /// Blocks the calling thread.
    func waitBlocking() {
        condition.lock()
        defer { condition.unlock() }
        while !isSet { condition.wait() }
    }
}
