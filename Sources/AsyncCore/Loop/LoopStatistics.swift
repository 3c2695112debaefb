// A loop's counters, as a value.

extension EventLoop {
    /// What a loop has done since it was made.
    ///
    /// Numbers only grow.
    public struct Statistics: Sendable {
        /// Turns of the loop.
        public var turns: UInt64
        /// Calls of epoll_wait.
        public var polls: UInt64
        /// Calls of epoll_wait that were allowed to wait.
        public var waits: UInt64
        /// Jobs (steps of tasks) that ran.
        public var jobs: UInt64
        /// Jobs that became ready on the loop's own thread.
        public var localEnqueues: UInt64
        /// Jobs and calls that came from other threads.
        public var remoteEnqueues: UInt64
        /// Tasks spawned.
        public var spawnedTasks: UInt64
        /// Spawned tasks that run now.
        public var liveTasks: Int
        /// Jobs that are ready now, or came from other threads and were not taken in yet.
        public var readyJobs: Int
        /// Readiness events that reached their registration.
        public var events: UInt64
        /// Readiness events that were dropped, as their registration was gone.
        public var staleEvents: UInt64
        /// Times that another thread, or a signal, woke the loop.
        public var wakeUps: UInt64
        /// Timers that fired.
        public var timersFired: UInt64
        /// Timers that are armed now, those of waits included that time never ends.
        public var armedTimers: Int
        /// Turns that waited and found nothing to do.
        public var spuriousTurns: UInt64
        /// Calls of epoll_ctl.
        public var controlCalls: UInt64
        /// Calls of recv.
        public var receives: UInt64
        /// Calls of send.
        public var sends: UInt64
        /// Connections accepted.
        public var accepts: UInt64
        /// Descriptors watched now.
        public var watchedDescriptors: Int
        /// Time spent waiting in the kernel.
        public var idle: Duration
        /// Time that a thread ran the loop, and did not wait.
        public var busy: Duration
    }

    /// A copy of the counters.
    ///
    /// Exact on the loop itself.
    ///
    /// ## Isolation
    /// *On the loop only*; elsewhere use `try await loop.run { loop.statistics }`. Also on a host's
    /// thread between two calls of ``runReady(maxJobs:)``, and after the end.
    public var statistics: Statistics {
        precondition(
            core.isCurrent || core.isIdle, "EventLoop.statistics is to be read on the loop")
        let kernel = core.poller.statistics()
        let counters = core.counters
        return Statistics(
            turns: counters.turns, polls: kernel.polls, waits: kernel.waits, jobs: counters.jobs,
            localEnqueues: counters.enqueuedLocally, remoteEnqueues: core.inbox.receivedCount,
            spawnedTasks: core.tasks.value.spawned, liveTasks: core.tasks.value.count,
            readyJobs: core.readyCount + core.inbox.queuedCount, events: kernel.events,
            staleEvents: kernel.staleEvents, wakeUps: kernel.wakeUps,
            timersFired: kernel.timersFired, armedTimers: core.poller.timerCount,
            spuriousTurns: kernel.spuriousTurns, controlCalls: kernel.controlCalls,
            receives: counters.receives, sends: counters.sends, accepts: counters.accepts,
            watchedDescriptors: core.poller.watchCount,
            idle: Monotonic.duration(from: 0, to: kernel.waitedNanoseconds),
            busy: Monotonic.duration(from: kernel.waitedNanoseconds, to: core.ownedNanoseconds))
    }
}

extension LoopCore {
    /// Jobs that the owner made ready, or the calling thread before the loop runs.
    var enqueuedByThisThread: UInt64 {
        counters.enqueuedLocally &+ inbox.receivedCount
    }
}
