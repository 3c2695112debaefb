// What AsyncCoreTesting may ask of a loop under test.

extension EventLoop {
    /// Whether the loop runs on virtual time.
    package var isSimulated: Bool { core.simulation != nil }

    /// Virtual time since the start of the run; nil on a loop that works.
    package var virtualTime: Duration? {
        isSimulated ? LoopCore.elapsed(at: core.poller.now) : nil
    }

    /// What chooses the order of a loop under test, if anything.
    package var seed: UInt64? { core.simulation?.options.seed }

    /// Moves virtual time on; see ``LoopCore/advance(by:_:)``.
    package nonisolated(nonsending) func advanceVirtualTime(by duration: Duration) async throws {
        guard let simulation = core.simulation else { return }
        try await core.perform { [core] in
            try await core.advance(by: Monotonic.adding(duration, to: 0), simulation)
        }
    }

    /// Suspends until every other task has been blocked for `cushion` of virtual time.
    package nonisolated(nonsending) func waitUntilAllBlocked(cushion: Duration) async throws {
        guard let simulation = core.simulation else { return }
        try await core.perform { [core] in
            try await core.waitUntilAllBlocked(
                cushion: Monotonic.adding(cushion, to: 0), simulation)
        }
    }

    /// Keeps time from jumping; pairs with ``releaseVirtualTime()``.
    package func holdVirtualTime() { core.holdVirtualTime() }

    /// Lets time jump again, and wakes the loop.
    package func releaseVirtualTime() { core.releaseVirtualTime() }

    /// A number that two runs share if they made the same choices at the same moments.
    package var fingerprint: UInt64? { core.simulation?.fingerprint }

    /// Cancels the main body of the run.
    ///
    /// Any thread.
    package func cancelMain() {
        guard let simulation = core.simulation else { return }
        core.post { simulation.main?.cancel() }
    }

    /// Counts the jobs that ran: it stays the same while a task does not suspend.
    package var jobCount: UInt64 { core.counters.jobs }

    /// Gives the running job a whole budget of operations again.
    package func refillBudget() { core.counters.operationBudget = LoopCore.operationsPerJob }
}
