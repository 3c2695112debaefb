// Tasks of the runtime that run spawned tasks one after the other.
//
// To make a task is most of what `spawn` costs: several pieces of memory, a record of the executor, a
// stack. As Go does with its goroutines, a loop keeps tasks that have run out of work, and gives them more
// of it. The work cannot tell, for such a task is as good as a new one: it has never been cancelled, it
// has no task-local values, and its priority is what a new one's would be. It gets a new number, too.

/// A task of the runtime that waits for spawned tasks, and runs them.
///
/// It is the standing waiter of all that it runs, and is parked as such.
///
/// Owner thread only. Its own task holds it.
@safe
final class TaskRunner: Waiter, @unchecked Sendable {
    // SAFETY: all of it is the owner thread's. What `record` refers to is kept for it, until it is taken.

    /// What to run next; none means: end.
    @exclusivity(unchecked) private var record: Unmanaged<TaskRecord>?

    /// Whether its task has the number of what it runs next, or runs.
    @exclusivity(unchecked) private var isNumbered = true

    /// Whether its task cannot be used again.
    @exclusivity(unchecked) private var isSpent = false

    /// The priority of its task, and of those whom its work spawns.
    let priority: UInt8

    /// Begins with `record`, whose spawner is the calling task, and has that priority.
    init(_ core: LoopCore, priority: UInt8, _ record: TaskRecord) {
        self.priority = priority
        unsafe self.record = .passRetained(record)
        super.init(hasStandingHandler: true, book: core.waitBook)
        // As one that can fail, since that needs no thunk around its closure.
        Task<Void, any Error>(executorPreference: core.preferredExecutor) {
            // Little may live from step to step: it is at the bottom of the stack of all work.
            self.addHandler()
            repeat {
                if let record = self.takeRecord() {
                    await record.perform()
                    self.note(record)
                }
                // The record is gone, and with it perhaps a value, whose end may be code of the user's.
                if !self.isWanted { break }
                // SAFETY: the task holds its runner.
                await unsafe parkTask(Unmanaged.passUnretained(self).toOpaque(), runnerHasParked)
            } while self.hasRecord
            self.removeHandler()
        }
    }

    private func takeRecord() -> TaskRecord? {
        // SAFETY: what is taken here was kept for it.
        guard let record = unsafe record else { return nil }
        unsafe self.record = nil
        number(.running)
        return unsafe record.takeRetainedValue()
    }

    /// Gives its task, which is to run something else, a number that none has had: when it begins, or before
    /// that, when somebody asks for it.
    func number(_ task: TaskIdentity) {
        if unsafe isNumbered { return }
        unsafe isNumbered = true
        task.setNumber(TaskNumbers.next())
    }

    private var hasRecord: Bool { unsafe record != nil }

    /// Whether its task is ready, and will run nothing more.
    var isEnding: Bool { unsafe !isNumbered && !hasRecord }

    /// Notes whether somebody has cancelled the record: also if the task was not told yet.
    private func note(_ record: TaskRecord) { unsafe isSpent = record.wasCancelled }

    /// Whether it may wait for more work: its task is as good as a new one, and there may be more.
    private var isWanted: Bool {
        let task = TaskIdentity.running
        guard unsafe !isSpent, !task.isCancelled, task.priority == priority,
            task.stackSize(upTo: Self.keptStack) <= Self.keptStack,
            let parking, parking.value.takes(nil)
        else { return false }
        return CurrentThread.withCurrent(as: LoopCore.self) {
            $0.phase == .open && $0.runners.value.accepts(priority)
        } ?? false
    }

    /// How many bytes of stack an idle runner may hold; a new task has 984.
    private static let keptStack = 4_096

    /// Its task has suspended.
    fileprivate func becomeIdle() {
        CurrentThread.withCurrent(as: LoopCore.self) { core in
            guard let job = core.hot.value.running else {
                preconditionFailure("a runner parks on a loop, and no loop runs it")
            }
            core.runners.value.add(self, job)
        }
    }

    /// Gives an idle one a record to run, or none, of whose operation it is told what that has captured.
    ///
    /// Nothing of it is read: its memory mostly is far away.
    @inline(__always)
    func begin(_ record: TaskRecord?, _ captured: UInt) {
        unsafe self.record = record.map { unsafe .passRetained($0) }
        unsafe isNumbered = false
        if let record { unsafe memory = NearMemory(record: record, captured: captured) }
    }
}

/// What ``parkTask(_:_:)`` calls.
private func runnerHasParked(_ runner: UnsafeMutableRawPointer) {
    // SAFETY: the task of a runner holds it.
    unsafe Unmanaged<TaskRunner>.fromOpaque(runner)._withUnsafeGuaranteedRef { $0.becomeIdle() }
}
