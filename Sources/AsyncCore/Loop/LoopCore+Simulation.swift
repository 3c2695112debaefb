// A loop under test: what it does where another loop waits, and in which order its jobs run.

extension LoopCore {
    // MARK: - Order

    /// Runs jobs in an order that the seed chooses, new ones included, within the bounds of a turn.
    func runReadyJobs(inOrderOf simulation: Simulation, maxJobs: Int) {
        var left = min(maxJobs, configuration.jobsPerTurn)
        while left > 0, readyCount > 0,
            let job = takeReady(at: simulation.chooseJob(of: readyCount))
        {
            run(job, budget: simulation.chooseBudget())
            left -= 1
            // The bound of a turn may lie anywhere; the tasks that yielded wait for its end.
            if poller.watchCount > 0, simulation.chooseToPoll() { _ = poll(wait: false) }
        }
    }

    // MARK: - Time

    /// What takes the place of a wait: nothing is ready, and the inbox is empty.
    ///
    /// Who goes first: what the kernel has to tell; those who wait until all tasks are blocked;
    /// work elsewhere that holds time; the next deadline.
    func letTimePass(_ simulation: Simulation) {
        let now = poller.now
        simulation.noteQuiet(jobs: counters.jobs, now: now)
        let isDue = poller.nextDeadline.map { $0 <= now } ?? false
        if isDue || poller.watchCount > 0, poll(wait: false) > 0 { return }
        if simulation.tellWatchers(now: now) { return }
        if simulation.isHeld {
            _ = poll(wait: true)
        } else if watches.isAwaited, poll(waitingAtMost: simulation.options.cushion) > 0 {
            return
        } else if simulation.options.jumps, let moment = nextMoment(simulation) {
            moveClock(to: moment)
            simulation.note(moment ^ counters.jobs << 40)
            _ = poll(wait: false)
        } else if !somethingHappens(within: simulation.options.patience) {
            endDryLoop(simulation)
        }
    }

    private func nextMoment(_ simulation: Simulation) -> UInt64? {
        let moment = min(
            poller.nextDeadline ?? Monotonic.never, simulation.nextContentment ?? Monotonic.never)
        return moment == Monotonic.never ? nil : moment
    }

    /// Waits for other threads and the kernel, in real time.
    private func somethingHappens(within patience: UInt64) -> Bool {
        let start = ThreadCondition.now
        var waited: UInt64 = 0
        while waited < patience {
            if poll(waitingAtMost: patience - waited) > 0 { return true }
            waited = ThreadCondition.now - start
        }
        return poll(wait: false) > 0
    }

    /// Moves virtual time on by hand: from deadline to deadline, and at each of them lets run what
    /// can run.
    nonisolated(nonsending) func advance(
        by nanoseconds: UInt64, _ simulation: Simulation
    ) async throws {
        let (sum, overflow) = poller.now.addingReportingOverflow(nanoseconds)
        let end = overflow ? Monotonic.never - 1 : sum
        try await waitUntilAllBlocked(cushion: 0, simulation)
        while let next = poller.nextDeadline, next <= end {
            moveClock(to: next)
            try await waitUntilAllBlocked(cushion: 0, simulation)
        }
        moveClock(to: end)
        try await waitUntilAllBlocked(cushion: 0, simulation)
    }

    private func moveClock(to moment: UInt64) {
        let now = poller.now
        if moment > now { poller.advanceClock(by: moment - now) }
    }

    /// Suspends until every other task has been blocked for `cushion` nanoseconds of virtual time.
    nonisolated(nonsending) func waitUntilAllBlocked(
        cushion: UInt64, _ simulation: Simulation
    ) async throws {
        try checkOperation()
        let waiter = makeWaiter()
        guard waiter.begin("waitUntilAllBlocked") else { throw CancellationError() }
        simulation.add(waiter, cushion: cushion)
        let outcome = await waiter.wait()
        simulation.remove(waiter)
        recycle(waiter)
        try Self.check(outcome)
    }

    /// Keeps virtual time from jumping while work goes on that the loop cannot see, on another
    /// thread for instance.
    ///
    /// Any thread, but to be called by the loop's tasks before they hand the work over. Each call
    /// is paired with one of ``releaseVirtualTime()``. Nothing, on a loop that works.
    func holdVirtualTime() { simulation?.hold() }

    /// Ends what ``holdVirtualTime()`` began, and wakes the loop.
    ///
    /// Any thread.
    func releaseVirtualTime() {
        guard let simulation else { return }
        simulation.letGo()
        post {}
    }

    /// Runs `body`, which waits for work of another loop: virtual time of the calling one waits, too.
    static nonisolated(nonsending) func waiting<R>(
        for other: LoopCore, _ body: nonisolated(nonsending) () async throws -> R
    ) async rethrows -> R {
        guard let core = current, core !== other, core.simulation != nil else {
            return try await body()
        }
        core.holdVirtualTime()
        defer { core.releaseVirtualTime() }
        return try await body()
    }

    // MARK: - The dry loop

    /// Ends tasks that wait for what cannot come, by force if cancellation is not enough.
    private func endDryLoop(_ simulation: Simulation) {
        simulation.noteDry(dryReport(simulation))
        switch simulation.driedUp {
        case 1:
            simulation.main?.cancel()
            tasks.value.cancelAll()
        case 2:
            requestStop()
            tasks.value.forEach { $0.cancel() }
            stopOperations()
        default:
            // The tasks that are left wait for ever: nothing of ours can end them.
            abandon()
        }
    }

    private func dryReport(_ simulation: Simulation) -> DryLoop {
        let now = Self.elapsed(at: poller.now)
        var known: [DryLoop.Wait] = []
        var unknown: [DryLoop.Wait] = []
        for task in snapshot().tasks {
            if case .waiting(let wait) = task.state {
                known.append(.init(task: task.name, what: wait.what, since: now - wait.elapsed))
            } else {
                unknown.append(.init(task: task.name))
            }
        }
        // Spawned tasks are in the order in which they began; a stable sort keeps it where waits began
        // together.
        known.sort { ($0.since ?? .zero) < ($1.since ?? .zero) }
        var report = DryLoop(waits: known + unknown, now: now)
        if !simulation.options.jumps {
            report.nextDeadline = poller.nextDeadline.map(Self.elapsed(at:))
        }
        return report
    }

    /// Virtual time from the start of the run.
    static func elapsed(at moment: UInt64) -> Duration {
        Monotonic.duration(from: Simulation.startOfTime, to: moment)
    }
}
