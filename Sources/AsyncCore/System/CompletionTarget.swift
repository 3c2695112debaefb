// What the kernel poller reports to. The loop's timers, waiters and watches derive from it.

/// The receiver of what a ``Poller`` reports.
///
/// Loop thread only.
///
/// Invariant: no method runs user code. They note what happened and make tasks ready, so a
/// batch is delivered whole before anything else runs. An executor of others that runs what it is given on the
/// spot breaks that; ``Poller`` then sees to it that nothing is told to a target that has gone.
@usableFromInline
class CompletionTarget {
    /// The deadline has passed.
    ///
    /// The timer is gone.
    func deadlinePassed() {}

    /// The loop has stopped before the deadline; the timer is still there.
    func loopStopped() {}

    /// The registered descriptor became ready.
    ///
    /// Whether ``receive()`` is to be called when everything has been reported.
    func becameReady(_ readiness: Readiness) -> Bool { false }

    /// Receives for the task that has just been woken.
    func receive() {}

    /// ``becameReady(_:)`` may come soon: asks for the memory that it will look at.
    func prefetch() {}

    /// The same, for what that memory points to.
    func prefetchMore() {}
}
