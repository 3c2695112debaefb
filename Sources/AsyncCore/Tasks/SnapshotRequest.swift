// A snapshot of a loop's tasks, from anywhere.

extension EventLoop {
    /// The tasks of the loop, asked for from anywhere.
    ///
    /// On the loop itself it is ``tasks``. Elsewhere the loop is asked, and answers between two jobs.
    /// One that is stuck in a job does not, nor does one that nobody runs: then the wait ends with
    /// the timeout.
    ///
    /// ## Cancellation
    /// Ends the wait.
    ///
    /// - Parameter timeout: How long to wait for the answer.
    /// - Returns: The tasks at the moment of the answer.
    /// - Throws: ``EventLoopError/unresponsive(_:)``; `CancellationError`;
    ///   ``EventLoopError/stopped`` if the caller's own loop stops.
    public nonisolated(nonsending) func snapshot(
        timeout: Duration = .seconds(1)
    ) async throws -> Snapshot {
        if TaskIdentity.isCurrentCancelled { throw CancellationError() }
        if isCurrent { return core.snapshot() }
        let answer = SnapshotAnswer()
        let core = core
        core.post { answer.give(core.snapshot()) }
        do {
            return try await withTimeout(timeout) { try await answer.wait() }
        } catch is TimeoutError {
            throw EventLoopError.unresponsive(core.debug?.runningJob(at: core.poller.now))
        }
    }
}

/// Where a loop leaves its answer.
private final class SnapshotAnswer: @unchecked Sendable {
    // SAFETY: `snapshot` is written by the loop before `given` is set, and read afterwards.
    private let given = EndSignal()
    private var snapshot: EventLoop.Snapshot?

    func give(_ snapshot: EventLoop.Snapshot) {
        self.snapshot = snapshot
        given.set()
    }

    nonisolated(nonsending) func wait() async throws -> EventLoop.Snapshot {
        try await given.wait()
        guard let snapshot else { preconditionFailure("an answer was given without a snapshot") }
        return snapshot
    }
}
