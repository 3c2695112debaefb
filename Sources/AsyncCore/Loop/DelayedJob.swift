// Jobs that the runtime wants to run later: plain Task.sleep on a loop.

/// A job that becomes ready when its deadline has passed.
///
/// Owner thread only.
///
/// The runtime cannot take such a job back: a cancelled `Task.sleep` leaves it here until its
/// deadline.
final class DelayedJob: CompletionTarget, @unchecked Sendable {
    // SAFETY: made on any thread, published once through the inbox, then the owner thread's alone.
    private let core: LoopCore
    private let job: ReadyJob
    private var deadline: UInt64 = 0
    private var token: TimerToken?

    init(core: LoopCore, job: ReadyJob) {
        self.core = core
        self.job = job
    }

    func schedule(at deadline: UInt64) {
        if core.phase == .parked { return LateJobs.run(job, of: core, at: deadline) }
        self.deadline = deadline
        token = core.poller.addTimer(at: deadline, target: self)
        core.delayedJobs[ObjectIdentifier(self)] = self
    }

    override func deadlinePassed() {
        core.delayedJobs[ObjectIdentifier(self)] = nil
        core.makeReady(job)
    }

    /// Gives the jobs that are not due to the drain loop: running them now would end a sleep early,
    /// and dropping them would lose a task.
    static func handOver(from core: LoopCore) {
        let left = core.delayedJobs.values
        core.delayedJobs = [:]
        for delayed in left {
            if let token = delayed.token {
                core.poller.removeTimer(token, target: delayed)
            }
            // Virtual deadlines mean nothing to the drain loop.
            let deadline = core.simulation == nil ? delayed.deadline : 0
            LateJobs.run(delayed.job, of: core, at: deadline)
        }
    }
}
