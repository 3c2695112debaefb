// How a task of the loop suspends, most of the time: without a continuation.
//
// A continuation of the runtime is made for any task and any thread: it notes what the task waits
// for, asks twice which executor the task prefers, and switches back to where it was, under a lock
// each time. A task that waits on its loop needs none of that: it notes where it goes on, and returns to
// the loop. Whoever ends the wait puts its job into the loop's queue again.

/// Where tasks of a loop suspend.
///
/// Any thread, unless a member says otherwise. Waiters reach it through a pointer, without counting
/// references: each wait would pay for it several times.
@safe
struct Parking: ~Copyable {
    // SAFETY: `core` is set before the loop runs, and not followed unless the loop is kept alive, by a
    // task that runs on it or is parked.

    private var core: Unmanaged<LoopCore>?

    /// Names the loop.
    mutating func setCore(_ core: LoopCore) { unsafe self.core = .passUnretained(core) }

    /// Whether the calling thread runs the loop.
    ///
    /// The one that runs late jobs does not: nobody looks at the loop's queue any more.
    var isHere: Bool {
        @inline(__always) get {
            guard let core = unsafe core, unsafe CurrentThread.isCurrent(core) else {
                return false
            }
            return unsafe core._withUnsafeGuaranteedRef { $0.isCurrent }
        }
    }

    /// The job that the loop is running, if there is one and its task can park.
    ///
    /// Thread of the loop only.
    var running: ReadyJob? {
        @inline(__always) get {
            unsafe core?._withUnsafeGuaranteedRef { $0.hot.value.running }
        }
    }

    /// Whether the calling task can suspend here.
    ///
    /// Code that is isolated to an actor goes on where the actor is; and a task that the job of another
    /// one is running, as `Task.immediate` does, goes on where that task wants to.
    @inline(__always)
    func takes(_ isolation: (any Actor)?) -> Bool {
        guard let core = unsafe core, unsafe CurrentThread.isCurrent(core) else { return false }
        return unsafe core._withUnsafeGuaranteedRef {
            Self.takes(Caller(isolation), on: $0)
        }
    }

    /// The same for a loop that the caller holds.
    @inline(__always)
    static func takes(_ caller: Caller, on core: LoopCore) -> Bool {
        !caller.isIsolated && core.isCurrent
            && core.hot.value.running?.address == caller.task.address
    }

    /// Makes a parked job ready, on the thread of the loop.
    @inline(__always)
    func leaveHere(_ job: ReadyJob) {
        assert(isHere, "a wait was ended elsewhere than on its loop")
        guard let core = unsafe core else { preconditionFailure("a loop without its core") }
        unsafe core._withUnsafeGuaranteedRef { $0.makeReady(job) }
    }

    /// Makes a parked job ready.
    ///
    /// No lock may be held.
    @inline(__always)
    func leave(_ job: ReadyJob) {
        guard let core = unsafe core else { preconditionFailure("a loop without its core") }
        if isHere {
            unsafe core._withUnsafeGuaranteedRef { $0.makeReady(job) }
        } else {
            // SAFETY: the loop is held here, as its task may have run, and been the last to hold it,
            // before this returns.
            unsafe core.takeUnretainedValue().enqueue(job)
        }
    }
}
