// Waiting for a deadline on the loop.

extension LoopCore {
    /// Suspends until the deadline has passed; the timer goes away with the wait.
    ///
    /// `isDue` says whether it has passed already, if the caller knows, which saves a look at the clock.
    ///
    /// Part of its callers' frames, so that a sleeping task gets by with the memory it starts with.
    @inline(__always)
    nonisolated(nonsending) func sleep(
        until deadline: UInt64, isDue: Bool? = nil
    ) async throws {
        try checkOperation()
        if isDue ?? (deadline <= poller.now) {
            // The kernel need not be asked, but others get their turn.
            await yield()
            return try checkOperation()
        }
        let waiter = makeWaiter(for: #isolation)
        guard waiter.begin("sleep") else { throw CancellationError() }
        let outcome = await wait(waiter, until: deadline)
        recycle(waiter)
        try Self.check(outcome)
    }

    /// Suspends in a wait that was begun, until somebody ends it, the deadline passes, or the loop
    /// stops.
    ///
    /// The deadline counts as completion: whoever waits for something else as well looks whether it
    /// is there.
    @inline(__always)
    nonisolated(nonsending) func wait(
        _ waiter: Waiter, until deadline: UInt64
    ) async -> Waiter.Outcome {
        // Also if it never passes: the end of the loop finds the wait by its timer.
        let timer = poller.addTimer(at: deadline, target: waiter)
        counters.sleepers &+= 1
        let outcome = await waiter.wait()
        if isCurrent {
            forget(waiter, timer)
        } else {
            post { self.forget(waiter, timer) }
        }
        return outcome
    }

    /// How many waits under way end at a deadline, if not before.
    ///
    /// For tests.
    var sleeperCount: Int { counters.sleepers }

    /// Begins a sleep that the calling task parks with, in a wait that nobody knows of yet.
    ///
    /// The deadline has not passed.
    @inline(__always)
    func beginSleep(_ wait: StandingWait, until deadline: UInt64) {
        // The task goes on by ``endSleep(_:)``, and holds its waiter until then.
        wait.setTimer(on: poller, at: deadline)
        counters.sleepers &+= 1
    }

    /// To be called by the task when it goes on.
    @inline(__always)
    func endSleep(_ wait: StandingWait) throws {
        let outcome = wait.outcome
        counters.sleepers &-= 1
        // Nobody but the timer completes it.
        if outcome == .completed { return assert(!wait.removeTimer(from: poller)) }
        wait.removeTimer(from: poller)
        throw Self.error(for: outcome)
    }

    private func forget(_ waiter: Waiter, _ timer: TimerToken) {
        counters.sleepers &-= 1
        poller.removeTimer(timer, target: waiter)
    }

    /// Makes a job ready when the deadline has passed: plain `Task.sleep`.
    ///
    /// The job is one of the runtime's own: it wakes the task that sleeps, and prefers no executor.
    /// Run on the loop's, it would go off to Swift's pool first.
    func enqueue(_ job: UnownedJob, at deadline: UInt64) {
        let delayed = DelayedJob(core: self, job: ReadyJob(job, on: .none))
        if isCurrent {
            delayed.schedule(at: deadline)
        } else {
            post { delayed.schedule(at: deadline) }
        }
    }

    /// Now plus `delay`, in monotonic nanoseconds; saturates at both ends.
    func deadline(after delay: Duration) -> UInt64 {
        Monotonic.adding(delay, to: poller.now)
    }

    /// An instant of the continuous clock as a deadline.
    ///
    /// Equal instants become equal deadlines, so that what expires together on paper does so here.
    func deadline(at instant: ContinuousClock.Instant) -> UInt64 {
        if simulation != nil {
            return deadline(afterMeasured: ContinuousClock.now.duration(to: instant))
        }
        clockPair.refresh { poller.now }
        return clockPair.deadline(at: instant)
    }

    /// Now plus a delay that was read off another clock.
    ///
    /// Under test the other clock runs while the loop's stands still, so delays that were equal on
    /// paper come out a few microseconds short, each by its own. In whole milliseconds they are
    /// equal again.
    func deadline(afterMeasured delay: Duration) -> UInt64 {
        if simulation == nil { return deadline(after: delay) }
        let millisecond: UInt64 = 1_000_000
        let nanoseconds = Monotonic.adding(delay, to: 0)
        if nanoseconds > Monotonic.never - millisecond { return Monotonic.never }
        let rounded = (nanoseconds + millisecond - 1) / millisecond * millisecond
        return deadline(after: .nanoseconds(Int64(clamping: rounded)))
    }

    /// Asks what every operation asks first: is the task cancelled, has the loop stopped.
    @inline(__always)
    func checkOperation() throws {
        if TaskIdentity.isCurrentCancelled { throw CancellationError() }
        if isStopped { throw EventLoopError.stopped }
    }

    /// The error of a wait that ended without what it waited for.
    @inline(__always)
    static func check(_ outcome: Waiter.Outcome) throws {
        if outcome != .completed { throw error(for: outcome) }
    }

    // Apart: the makings of errors would stand in the way of each wait that ends well.
    @inline(never)
    static func error(for outcome: Waiter.Outcome) -> any Error {
        switch outcome {
        case .completed: preconditionFailure("no error")
        case .cancelled: CancellationError()
        case .closed: IOError(.closed, operation: "wait")
        case .stopped: EventLoopError.stopped
        }
    }
}
