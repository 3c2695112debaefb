// Waiters of the loop, and the shortest wait of all: letting others run.

extension LoopCore {
    /// A waiter for one wait of the calling task, which runs on this loop.
    @inline(__always)
    func makeWaiter() -> Waiter { waiterPool.value.make() }

    /// A waiter that the task's standing handler does not know: for waits that a cancellation must
    /// not end.
    func makeUninterruptedWaiter() -> Waiter { waiterPool.value.makeUninterrupted() }

    /// Takes a waiter back for reuse.
    ///
    /// Nobody may hold it any more in order to claim it.
    @inline(__always)
    func recycle(_ waiter: Waiter) {
        // A task may go on elsewhere, in an actor that it shares with other threads.
        if isCurrent { waiterPool.value.recycle(waiter) }
    }

    /// Spends one operation of the running job's budget; false when it is used up.
    @inline(__always)
    func spendBudget() -> Bool {
        counters.operationBudget &-= 1
        return counters.operationBudget >= 0
    }

    /// Lets every other ready task run, and the kernel be asked, before the calling task goes on.
    nonisolated(nonsending) func yield() async {
        // On the drain thread there are no turns that could end the wait.
        if phase == .parked { return await Task.yield() }
        let waiter = makeUninterruptedWaiter(for: #isolation)
        _ = waiter.begin("yield()")
        finishLater(waiter)
        _ = await waiter.waitUninterrupted()
        recycle(waiter)
    }
}
