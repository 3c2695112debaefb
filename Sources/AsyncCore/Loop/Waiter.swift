// How a task suspends, and how its wait ends: in one place for all of AsyncCore, but that the waits of reads
// and sleeps begin in `StandingWait`, and that `Waiter+Resolve` has the ways to end one in a single step.
//
// A wait goes through these states, kept in one atomic word:
//
//     idle ──begin──▶ pending ──suspend──▶ armed
//                        │                   │
//                        └──────claim────────┴──▶ done ──begin──▶ pending
//
// `pending` means: the task has announced that it will wait, whoever finishes the wait may do so
// already, but there is no continuation yet. Exactly one of event, timer, cancel, close and stop
// moves the word to `done`; all others learn that they lost. The continuation carries nothing; the
// outcome travels in the word, where the task reads it. A wait that is known to nobody before the task
// has suspended goes to `armed` in one step.
internal import Synchronization

/// A reusable record of one task's wait.
///
/// Who may touch it: the waiting task calls ``begin(_:)`` and ``wait()``, and asks for the ``outcome``;
/// any thread may call ``claim(_:)``, ``resume()`` and ``requestCancellation()``. A waiter serves one
/// wait at a time.
@safe
@usableFromInline
class Waiter: TaskObserver, @unchecked Sendable {
    // SAFETY: `continuation` or `parked` is written by the waiting task before the word becomes `armed`
    // (release) and read by the one who claimed an armed wait (acquire). `next`, `previous`
    // and `isQueued` belong to the lock of the queue that the waiter is in, or to the
    // loop's thread for the loop's own list. What the wait book asks for, `timer` and `memory`
    // are written on the thread of the task's loop, before it waits or is made ready, and read there.

    private enum Phase {
        static let idle: UInt32 = 0
        static let pending: UInt32 = 1
        static let armed: UInt32 = 2
        static let done: UInt32 = 3
        static let mask: UInt32 = 3
        /// The task is cancelled.
        ///
        /// Stays set through all waits of a task with a standing handler.
        static let cancelRequested: UInt32 = 4
        static let outcomeShift: UInt32 = 8
    }

    // What every wait touches comes first: with thousands of tasks each line of memory is a miss.

    private let word = Atomic<UInt32>(Phase.idle)

    /// True if a handler for the whole life of the task calls ``requestCancellation()``, so that a
    /// single wait needs none of its own.
    let hasStandingHandler: Bool

    var isQueued = false
    @exclusivity(unchecked) private var isInBook = false

    // Accesses are short and cannot nest, so Swift need not check that at run time.
    @exclusivity(unchecked) var parked: ReadyJob?
    let parking: Confined<Parking>?
    /// What the task will look at when it goes on.
    @exclusivity(unchecked) var memory = NearMemory()
    /// The timer of a ``StandingWait`` for time.
    @exclusivity(unchecked) var timer = TimerToken.none

    // For those who ask who waits for what, since when; see `WaitBook`.
    @exclusivity(unchecked) private var what: StaticString = ""
    @exclusivity(unchecked) private var since: UInt64 = 0
    /// Where the waits of the loop are noted; nil for waiters that belong to no loop.
    let book: WaitBook?

    @exclusivity(unchecked) private var continuation: UnsafeContinuation<Void, Never>?

    // Links of the queue or list that this waiter is in.
    var next: Waiter?
    unowned(unsafe) var previous: Waiter?

    @exclusivity(unchecked) private var task: TaskIdentity?
    @exclusivity(unchecked) private var taskName: String?

    /// Who can say more about the wait that is under way.
    ///
    /// Set and cleared by the waiting task, around the wait, which keeps the object alive.
    @exclusivity(unchecked) unowned(unsafe) var subject: (any WaitSubject)?

    /// What the layer above leaves here after a wait, to use it again for the next one.
    ///
    /// The waiting task's; not looked at here.
    @exclusivity(unchecked) var spare: AnyObject?

    /// What ends the waits of a standing waiter; nil if its task was cancelled before.
    @exclusivity(unchecked) private var handler: CancellationHandler?

    // Links of the book's list.
    @exclusivity(unchecked) var nextInBook: Unmanaged<Waiter>?
    @exclusivity(unchecked) var previousInBook: Unmanaged<Waiter>?

    /// A standing waiter is for the waits of one task, others for those of any.
    init(hasStandingHandler: Bool = false, book: WaitBook? = nil) {
        self.hasStandingHandler = hasStandingHandler
        self.book = book
        parking = book?.parking
    }

    // MARK: - The waiting task

    /// Makes this the standing waiter of the calling task.
    ///
    /// To be taken back by ``removeHandler()``, on the same level of the task's stack.
    func addHandler() {
        let task = TaskIdentity.running
        unsafe self.task = task
        task.standingWaiter = self
        unsafe handler = CancellationHandler(for: self)
    }

    /// Takes back what ``addHandler()`` did.
    func removeHandler() {
        unsafe handler?.remove()
        unsafe handler = nil
        TaskIdentity.running.standingWaiter = nil
    }

    /// Announces a wait.
    ///
    /// To be called before the waiter is shown to anybody who may claim it.
    ///
    /// False if the task's standing handler has seen a cancellation: then nothing was begun.
    @inline(__always)
    func begin(_ what: StaticString) -> Bool {
        describe(what, since: book?.now ?? 0)
        if !hasStandingHandler {
            word.store(Phase.pending, ordering: .relaxed)
            return true
        }
        return leaveRest(for: Phase.pending)
    }

    /// Notes what the next wait is for.
    @inline(__always)
    func describe(_ what: StaticString, since: UInt64) {
        unsafe self.what = what
        unsafe self.since = since
    }

    /// Begins a wait of a standing waiter; false if a cancellation has come before.
    @inline(__always)
    private func leaveRest(for phase: UInt32) -> Bool {
        let seen = word.load(ordering: .relaxed)
        precondition(
            seen & Phase.mask == Phase.idle || seen & Phase.mask == Phase.done,
            "a task waits while it waits")
        if seen & Phase.cancelRequested != 0 { return false }
        // An exchange, not a store: a cancellation sets its bit in this very word, so none is
        // overlooked.
        return word.compareExchange(
            expected: seen, desired: phase, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Suspends until somebody claims the wait, and says how it ended.
    ///
    /// Costs a cancellation handler only if the task has no standing one.
    @inline(__always)
    nonisolated(nonsending) func wait() async -> Outcome {
        if hasStandingHandler, let parking, parking.value.takes(#isolation) {
            // SAFETY: the task holds its waiter.
            await unsafe parkTask(Unmanaged.passUnretained(self).toOpaque(), waiterHasParked)
        } else {
            await waitOtherwise()
        }
        return outcome
    }

    /// Apart: what each wait of a task might need must not be in the frame of all.
    @inline(never)
    private nonisolated(nonsending) func waitOtherwise() async {
        if hasStandingHandler { return await suspendByContinuation() }
        enterBook()
        let handler = CancellationHandler(for: self)
        await suspend()
        handler?.remove()
        leaveBook()
    }

    /// Suspends without looking at cancellation, and is noted nowhere: for waits that are known
    /// otherwise.
    nonisolated(nonsending) func waitUnnoted() async -> Outcome {
        await suspend()
        return outcome
    }

    /// Suspends without looking at cancellation: for waits that must not be interrupted.
    nonisolated(nonsending) func waitUninterrupted() async -> Outcome {
        enterBook()
        await suspend()
        leaveBook()
        return outcome
    }

    @inline(__always)
    private nonisolated(nonsending) func suspend() async {
        if let parking, parking.value.takes(#isolation) {
            // SAFETY: the task holds its waiter.
            await unsafe parkTask(Unmanaged.passUnretained(self).toOpaque(), waiterHasParked)
        } else {
            await suspendByContinuation()
        }
    }

    /// Apart, as a continuation takes a hundred bytes of the task's stack.
    @inline(never)
    private nonisolated(nonsending) func suspendByContinuation() async {
        await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            unsafe self.continuation = continuation
            if arm() { return }
            // Claimed before it could suspend. Nobody else will resume it.
            unsafe self.continuation = nil
            unsafe continuation.resume()
        }
        TaskIdentity.running.hasResumed()
    }

    /// Notes the calling task, for a wait that stands in no book.
    @inline(__always)
    func noteTask() { unsafe task = TaskIdentity.current }

    /// Called when the task has suspended: the job that the loop is running is the rest of it.
    func park() {
        guard let parking, let job = parking.value.running else {
            preconditionFailure("a task parks on a loop, and no loop runs it")
        }
        unsafe parked = job
        if arm() { return }
        unsafe parked = nil
        parking.value.leave(job)
    }

    /// The same, for a wait of a standing waiter that was not announced; the task has not suspended before.
    @inline(__always)
    func beginParked(_ place: TaskPlace) {
        guard let parking, let job = parking.value.running else {
            preconditionFailure("a task parks on a loop, and no loop runs it")
        }
        place.suspend(job)
        unsafe parked = job
        if leaveRest(for: Phase.armed) { return }
        unsafe parked = nil
        // At rest nobody else changes the word, but for setting the bit that is set.
        let cancelled = Outcome.cancelled.rawValue << Phase.outcomeShift
        word.store(Phase.cancelRequested | Phase.done | cancelled, ordering: .relaxed)
        parking.value.leave(job)
    }

    /// Lets others make the task ready; false if the wait has been claimed already.
    @inline(__always)
    private func arm() -> Bool {
        var seen = word.load(ordering: .relaxed)
        while seen & Phase.mask == Phase.pending {
            let (won, now) = word.compareExchange(
                expected: seen, desired: (seen & ~Phase.mask) | Phase.armed,
                successOrdering: .releasing, failureOrdering: .acquiring)
            if won { return true }
            seen = now
        }
        return false
    }

    /// The outcome of the wait, which is done.
    @inline(__always)
    var outcome: Outcome {
        let seen = word.load(ordering: .acquiring)
        precondition(seen & Phase.mask == Phase.done, "a wait ended without an outcome")
        return Outcome(rawValue: seen >> Phase.outcomeShift) ?? .completed
    }

    /// Gives up a wait that was begun and will not suspend.
    ///
    /// To be called when nobody can claim the waiter any more.
    func abandon() {
        if hasStandingHandler {
            word.bitwiseAnd(Phase.cancelRequested, ordering: .releasing)
        } else {
            word.store(Phase.idle, ordering: .relaxed)
        }
    }

    // MARK: - The wait book

    /// The wait under way; nil once somebody has ended it, or if there is none.
    ///
    /// Thread of the loop only, whose tasks do not go on meanwhile.
    var wait: WaitNote? {
        let phase = word.load(ordering: .acquiring) & Phase.mask
        guard phase == Phase.pending || phase == Phase.armed else { return nil }
        return unsafe WaitNote(
            task: task, taskName: taskName, what: what, since: since,
            holders: subject?.holders ?? [])
    }

    private func enterBook() {
        unsafe task = TaskIdentity.current
        // A wait that was begun on a loop may be made elsewhere: a reservation.
        if let book, book.isHere {
            if book.keepsNames { unsafe taskName = Task.name }
            book.add(self)
            unsafe isInBook = true
        } else {
            #if DEBUG
                unsafe StrayWaits.add(self, what: what)
            #endif
        }
    }

    private func leaveBook() {
        if let book, unsafe isInBook {
            unsafe isInBook = false
            if book.isHere { book.remove(self) } else { book.removeLater(self) }
        } else {
            #if DEBUG
                StrayWaits.remove(self)
            #endif
        }
    }

    // MARK: - Whoever ends the wait

    /// Ends the wait with `outcome`, if nobody was faster.
    ///
    /// Never runs anything: may be called with a lock held. After ``Claim/wonSuspended`` the caller
    /// lets go of its locks and calls ``resume()``.
    @inline(__always)
    func claim(_ outcome: Outcome) -> Claim {
        var seen = word.load(ordering: .relaxed)
        while true {
            let phase = seen & Phase.mask
            guard phase == Phase.pending || phase == Phase.armed else { return .lost }
            let desired =
                (seen & Phase.cancelRequested) | Phase.done
                | (outcome.rawValue << Phase.outcomeShift)
            let (won, now) = word.compareExchange(
                expected: seen, desired: desired, ordering: .acquiringAndReleasing)
            if won { return phase == Phase.armed ? .wonSuspended : .won }
            seen = now
        }
    }

    /// Makes the task of a wait claimed as ``Claim/wonSuspended`` ready.
    ///
    /// No lock may be held.
    @inline(__always)
    func resume() {
        if let job = unsafe parked {
            unsafe parked = nil
            // The waiter may serve another wait from here on, once the job is out of our hands.
            parking?.value.leave(job)
            return
        }
        guard let continuation = unsafe continuation else {
            preconditionFailure("a suspended wait has no continuation")
        }
        unsafe self.continuation = nil
        unsafe continuation.resumeVisibly()
    }

    /// The same, by the thread of the waiter's loop.
    @inline(__always)
    func resumeHere() {
        guard let job = unsafe parked, let parking else { return resume() }
        unsafe parked = nil
        parking.value.leaveHere(job)
    }

    /// Notes that the task is cancelled and ends the wait under way, if any.
    ///
    /// Any thread; idempotent; may run under a lock of the runtime, takes none of ours.
    func requestCancellation() {
        word.bitwiseOr(Phase.cancelRequested, ordering: .acquiringAndReleasing)
        resolve(.cancelled)
    }

    // MARK: - Timers

    override func deadlinePassed() { resolve(.completed) }

    override func loopStopped() { resolve(.stopped) }

    // MARK: - Tasks

    override func taskFinished(_ record: TaskRecord) { resolve(.completed) }
}

/// What ``parkTask(_:_:)`` calls.
private func waiterHasParked(_ waiter: UnsafeMutableRawPointer) {
    // SAFETY: a task that waits holds its waiter.
    unsafe Unmanaged<Waiter>.fromOpaque(waiter)._withUnsafeGuaranteedRef { $0.park() }
}
