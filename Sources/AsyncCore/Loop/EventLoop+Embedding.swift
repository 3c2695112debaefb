// A loop inside somebody else's loop.

extension EventLoop {
    /// A descriptor that is readable whenever ``runReady(maxJobs:)`` has something to do.
    ///
    /// For the host's `poll`, `epoll` or `select`, level-triggered, for reading. The loop owns it:
    /// never read from it, never close it.
    public var pollableDescriptor: Int32 { core.poller.descriptor }

    /// When the loop's earliest deadline passes; nil if there is none.
    ///
    /// For hosts that want a time-out beside the descriptor; the descriptor alone is enough, as it
    /// also becomes readable for deadlines. To be called on the thread that calls
    /// ``runReady(maxJobs:)``.
    public var nextDeadline: ContinuousClock.Instant? {
        precondition(
            core.isCurrent || core.isIdle, "EventLoop.nextDeadline is to be read on the loop")
        guard let deadline = core.poller.nextDeadline else { return nil }
        return ContinuousClock.now.advanced(
            by: Monotonic.duration(from: core.poller.now, to: deadline))
    }

    /// Runs what is ready, and returns without waiting.
    ///
    /// The host calls it when ``pollableDescriptor`` is readable, and once at the start. Calls need
    /// not come from the same thread each time, but never from two at once.
    ///
    /// After ``stop()`` the calls carry the loop through its end; once ``isStopped`` is true,
    /// nothing is left to call it for.
    ///
    /// - Parameter maxJobs: How many jobs to run at most; at least 1. If more are ready, the
    ///   descriptor stays readable.
    /// - Returns: How many jobs ran.
    /// - Throws: ``EventLoopError/alreadyRunning`` inside a running loop;
    ///   ``EventLoopError/stopped`` after the end.
    @discardableResult
    public func runReady(maxJobs: Int = 1_000) throws -> Int {
        precondition(maxJobs >= 1, "maxJobs must be at least 1")
        if LoopCore.current != nil { throw EventLoopError.alreadyRunning }
        if core.phase == .parked { throw EventLoopError.stopped }
        var ran = 0
        var isOver = false
        core.own {
            let before = core.counters.jobs
            isOver = runReady(atMost: maxJobs)
            ran = Int(core.counters.jobs - before)
        }
        if isOver { ending.set() }
        return ran
    }

    /// The owner's part; true if the loop is at its end.
    private func runReady(atMost maxJobs: Int) -> Bool {
        core.inbox.wokeUp()
        var left = maxJobs
        repeat {
            if core.stepShutdown() { return true }
            let ran = core.counters.jobs
            core.turn(mayWait: false, maxJobs: left, alwaysPoll: true)
            left -= Int(core.counters.jobs - ran)
        } while left > 0 && (core.hasReadyJobs || core.hasShutdownStep)
        // What is left, or comes from elsewhere from now on, makes the descriptor readable.
        if core.hasReadyJobs || core.hasShutdownStep || !core.inbox.prepareToSleep() {
            core.poller.wakeUp()
        }
        core.poller.arm()
        return false
    }

    /// Whether the loop has ended.
    public var isStopped: Bool { core.phase == .parked }
}
