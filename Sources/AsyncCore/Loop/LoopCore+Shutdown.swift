// The end of a loop, in three phases, and what comes after it.
internal import Synchronization

extension LoopCore {
    /// Asks the loop to end.
    ///
    /// Any thread; idempotent.
    func requestStop() {
        if stopRequested.exchange(true, ordering: .acquiringAndReleasing) { return }
        post {}  // A loop that sleeps wakes up for it.
    }

    /// Takes the end one step further, if it was asked for.
    ///
    /// True once the loop has parked.
    ///
    /// Three phases: tasks are cancelled and awaited while operations still work, for their
    /// clean-up; then waiting operations fail; then what is ready runs, and whatever comes later
    /// goes to the drain thread.
    func stepShutdown() -> Bool {
        switch phase {
        case .open:
            if stopRequested.load(ordering: .acquiring) {
                phaseWord.store(.closing, ordering: .releasing)
                tasks.value.cancelAll()
            }
            return false
        case .closing:
            guard tasks.value.isEmpty && !hasReadyJobs else { return false }
            stopOperations()
            return false
        case .stopped:
            return park()
        case .parked:
            return true
        }
    }

    /// Ends all waits for time and descriptors; from here on new ones fail at once.
    func stopOperations() {
        phaseWord.store(.stopped, ordering: .releasing)
        poller.stopTimers()
        deadlineScopes.stopAll()
        watches.stopAll()
        simulation?.stopWatchers()
    }

    /// Closes the inbox if nothing is left to run.
    private func park() -> Bool {
        guard !hasReadyJobs, tasks.value.isEmpty else { return false }
        return abandon()
    }

    /// Leaves the loop as it is, with tasks that wait for ever if there are any.
    ///
    /// Returns false, and does nothing, if somebody has just sent something.
    @discardableResult
    func abandon() -> Bool {
        while dismissRunners() {}
        // What comes from now on waits until this thread has left the loop (`LateJobs`).
        guard inbox.closeIfEmpty() else { return false }
        DelayedJob.handOver(from: self)
        phaseWord.store(.parked, ordering: .releasing)
        return true
    }

    /// Whether the runner may wait in the kernel, or has a step of the shutdown to take.
    var mayWait: Bool { !hasShutdownStep }

    /// Whether `stepShutdown()` would get any further now.
    var hasShutdownStep: Bool {
        switch phase {
        case .open: stopRequested.load(ordering: .acquiring)
        case .closing, .stopped: tasks.value.isEmpty && !hasReadyJobs
        case .parked: false
        }
    }

    /// Runs what came too late.
    ///
    /// Drain thread only.
    func runLate(_ item: Inbox.Item) {
        let previous = CurrentThread.install(self)
        defer { CurrentThread.restore(previous) }
        switch item {
        case .job(let job): run(job)
        case .call(let call): call()
        }
    }

    // MARK: - Errors that nobody looked at

    /// Reports an error through the configuration's handler, on the loop's thread.
    ///
    /// Any thread.
    func reportUnhandled(_ error: any Error, in task: String?) {
        let handler = configuration.onUnhandledError
        post { handler(error, task) }
    }
}
