// How a task of the loop suspends, most of the time: without a continuation.
//
// A continuation of the runtime is made for any task and any thread: it notes what the task waits
// for, asks twice which executor the task prefers, and switches back to where it was, under a lock
// each time. A task that waits on its loop needs none of that. It switches to an executor, as it would
// to enter an actor; but that executor only keeps what it is given: the rest of the task, as a job.
// Whoever ends the wait puts the job into the loop's queue.

/// Where tasks of a loop suspend.
///
/// Thread of the loop only, but for ``isHere`` and ``leave(_:)``. Waiters reach it through a pointer,
/// without counting references: each wait would pay for it several times.
@safe
struct Parking: ~Copyable {
    // SAFETY: `core` is set before the loop runs, and not followed unless the loop is kept alive, by a
    // task that runs on it or is parked. `arriving` is set for the length of a call, by the waiter's
    // task, which holds the waiter.

    private var core: Unmanaged<LoopCore>?
    private let executor: ParkingExecutor
    private let reference: UnownedSerialExecutor

    /// The job that the loop is running, if any.
    var running: ReadyJob?
    private var arriving: Unmanaged<Waiter>?

    init() {
        executor = ParkingExecutor()
        unsafe reference = executor.asUnownedSerialExecutor()
    }

    /// Names the loop.
    mutating func setCore(_ core: LoopCore) { unsafe self.core = .passUnretained(core) }

    /// Whether the calling thread runs the loop.
    ///
    /// Any thread. The one that runs late jobs does not: nobody looks at the loop's queue any more.
    var isHere: Bool {
        @inline(__always) get {
            guard let core = unsafe core, unsafe CurrentThread.isCurrent(core) else {
                return false
            }
            return unsafe core._withUnsafeGuaranteedRef { $0.isCurrent }
        }
    }

    /// Whether the calling task can suspend here.
    ///
    /// Code that is isolated to an actor goes on where the actor is; and a task that the job of another
    /// one is running, as `Task.immediate` does, goes on where that task wants to.
    @inline(__always)
    func takes(_ isolation: (any Actor)?) -> Bool {
        isolation == nil && isHere && running?.address == TaskIdentity.current?.address
    }

    /// Prepares for the calling task, which ``takes(_:)`` said can suspend here.
    ///
    /// - Returns: What to switch to, at once. Then ``Waiter/park(_:)`` is called with the rest of the
    ///   task.
    @inline(__always)
    mutating func prepare(_ waiter: Waiter) -> UnownedSerialExecutor {
        unsafe arriving = .passUnretained(waiter)
        return unsafe reference
    }

    /// The task of the waiter that was last prepared for has suspended; `job` is the rest of it.
    fileprivate mutating func take(_ job: UnownedJob) {
        guard let waiter = unsafe arriving, let running else {
            preconditionFailure("a job was enqueued where only waiting tasks are parked")
        }
        unsafe arriving = nil
        let job = ReadyJob(job, on: running.executor)
        unsafe waiter._withUnsafeGuaranteedRef { $0.park(job) }
    }

    /// Makes a parked job ready.
    ///
    /// Any thread. No lock may be held.
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

/// What a task that is parked was enqueued on, as far as the runtime knows.
private final class ParkingExecutor: SerialExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let taken: Void? = CurrentThread.withCurrent(as: LoopCore.self) {
            $0.parking.value.take(job)
        }
        // A task is never lost in silence.
        precondition(taken != nil, "a task suspends on a loop, and no loop runs here")
    }
}
