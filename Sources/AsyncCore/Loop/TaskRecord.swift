// What a loop knows of a task that was spawned on it.
internal import Synchronization

/// One spawned task: kept by the loop from the task's first step to its last, so that no task
/// vanishes.
///
/// Owner thread only, but for what is atomic. The record outlives the task as long as a handle is
/// held; when the last handle goes and nobody has looked at the task's error, the error is
/// reported.
@safe
@usableFromInline
final class TaskRecord: @unchecked Sendable {
    // SAFETY: `name`, `parent`, `isScoped`, `core` and `list` are immutable. The links, `identity`,
    // the observers and `failure` are the owner thread's until `isFinished` is set (release);
    // `failure` is read afterwards, in deinit. The task holds the loop's executor, and with it the
    // core, for as long as it runs; a failure that may have to be reported holds the core itself. A
    // record is in the list only while its task runs, and the task holds it.
    private let core: Unmanaged<LoopCore>
    private let list: Confined<TaskList>
    @usableFromInline let name: String?
    /// The number of the task that spawned it; 0 if that was no task.
    let parent: UInt64

    /// Whether a scope ends the task, and awaits it: then the loop, at its own end, does neither.
    let isScoped: Bool

    /// An error that somebody should look at.
    private struct Failure {
        let error: any Error
        /// Reports it, if nobody does.
        let core: LoopCore
    }

    // Not checked for overlapping accesses at run time, nor counted where the task's own life
    // suffices: a task costs a dozen of them.
    @exclusivity(unchecked) private var identity: TaskIdentity?
    @exclusivity(unchecked) private var failure: Failure?
    @exclusivity(unchecked) private var didFail = false
    @exclusivity(unchecked) private var observer: (any TaskObserver)?
    @exclusivity(unchecked) private var otherObservers: [any TaskObserver]?
    @exclusivity(unchecked) fileprivate var next: Unmanaged<TaskRecord>?
    @exclusivity(unchecked) fileprivate var previous: Unmanaged<TaskRecord>?

    private let finished = Atomic<Bool>(false)
    private let observed = Atomic<Bool>(false)
    // Who last began to await the task, and when: for those who ask who waits for whom.
    private let awaiter = Atomic<UInt64>(0)
    private let awaitedSince = Atomic<UInt64>(0)

    @usableFromInline
    init(core: LoopCore, name: String?, isScoped: Bool) {
        unsafe self.core = .passUnretained(core)
        list = core.tasks
        self.name = name
        self.isScoped = isScoped
        let spawner = TaskIdentity.current
        // Between jobs nobody's task is running.
        let isBetweenJobs = core.isCurrent && spawner == core.hostTask
        parent = isBetweenJobs ? 0 : spawner?.number ?? 0
    }

    deinit {
        // The acquiring load pairs with the store in `finish`: the last reference may go elsewhere.
        if isFinished, let failure = unsafe failure, !observed.load(ordering: .relaxed) {
            failure.core.reportUnhandled(failure.error, in: name)
        }
    }

    /// Whether the loop looks for mistakes.
    @usableFromInline
    var isDebugging: Bool { unsafe core._withUnsafeGuaranteedRef { $0.debug != nil } }

    /// Runs the task's operation in debug mode.
    @usableFromInline
    nonisolated(nonsending) func watch<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async rethrows -> R {
        // SAFETY: the task, which runs, holds the core.
        let core = unsafe core.takeUnretainedValue()
        return try await core.watchingTask(named: name, operation)
    }

    /// Whether the task was spawned on `core`, which is alive.
    func belongs(to core: LoopCore) -> Bool {
        unsafe self.core.toOpaque() == Unmanaged.passUnretained(core).toOpaque()
    }

    /// Somebody looks at the task's result: its error is not lost.
    @usableFromInline
    func markObserved() { observed.store(true, ordering: .relaxed) }

    /// The calling task is about to await the task's end, and looks at its result.
    ///
    /// It is noted, to be seen by those who ask who waits for whom. No need to take it back: such a
    /// wait ends with the task alone.
    @usableFromInline
    func noteAwaiter() {
        markObserved()
        if isFinished { return }
        let task = TaskIdentity.current
        checkAwaiter(task)
        awaiter.store(task?.number ?? 0, ordering: .relaxed)
        awaitedSince.store(LoopCore.now, ordering: .relaxed)
    }

    /// Traps if `task`, which is about to await this one's end, is this one: it would never come.
    func checkAwaiter(_ task: TaskIdentity?) {
        // `identity` may be read on the task's own loop alone. The task hardly runs elsewhere: only
        // in an actor that it shares with tasks elsewhere.
        guard let task,
            CurrentThread.withCurrent(as: LoopCore.self, { belongs(to: $0) }) == true,
            unsafe identity == task, !isFinished
        else { return }
        preconditionFailure("the task \(name.map { "'\($0)'" } ?? "without a name") awaits itself")
    }

    /// The number of the task that last began to await this one, and when; 0 if none did.
    var lastAwaiter: (task: UInt64, since: UInt64) {
        (awaiter.load(ordering: .relaxed), awaitedSince.load(ordering: .relaxed))
    }

    /// The tasks that wait for this one's end among others'.
    var waitingObservers: [TaskIdentity] {
        let observers = unsafe (observer.map { [$0] } ?? []) + (otherObservers ?? [])
        return observers.compactMap(\.waitingTask)
    }

    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// The first thing that the task does.
    @usableFromInline
    func start() {
        unsafe identity = TaskIdentity.current
        list.value.add(self)
        if !isScoped, unsafe core._withUnsafeGuaranteedRef({ $0.phase != .open }) { cancel() }
    }

    /// The last thing that the task does.
    @usableFromInline
    func finish(_ error: (any Error)?) {
        if let error {
            unsafe didFail = true
            if !(error is CancellationError) {
                // SAFETY: the task, which runs, holds the core; from here on the failure does.
                unsafe failure = Failure(error: error, core: core.takeUnretainedValue())
            }
        }
        list.value.remove(self)
        finished.store(true, ordering: .releasing)
        if unsafe observer != nil { tellObservers() }
    }

    private func tellObservers() {
        let observer = unsafe observer
        let others = unsafe otherObservers
        unsafe self.observer = nil
        unsafe otherObservers = nil
        observer?.taskFinished(self)
        for other in others ?? [] { other.taskFinished(self) }
    }

    /// Cancels the task, which must be one of the list: between `start` and `finish`.
    func cancel() { unsafe identity?.cancel() }

    /// The task, between `start` and `finish`.
    var task: TaskIdentity? { unsafe identity }

    /// Whether the task ended in an error.
    ///
    /// Meaningful once it is finished.
    var endedInError: Bool { unsafe didFail }

    /// Tells `observer` when the task ends; false if it has ended already.
    func observe(_ observer: any TaskObserver) -> Bool {
        if isFinished { return false }
        if unsafe self.observer == nil {
            unsafe self.observer = observer
        } else {
            unsafe otherObservers = (otherObservers ?? []) + [observer]
        }
        return true
    }

    /// Tells `observer` nothing any more.
    ///
    /// A long-lived task must not collect those who once waited for it.
    func removeObserver(_ observer: any TaskObserver) {
        unsafe otherObservers?.removeAll { $0 === observer }
        if unsafe self.observer === observer { unsafe self.observer = otherObservers?.popLast() }
    }

    /// How many are to be told of the task's end.
    ///
    /// For tests.
    var observerCount: Int { unsafe (observer == nil ? 0 : 1) + (otherObservers?.count ?? 0) }
}

/// Somebody who waits for several tasks of one loop.
///
/// Called on the loop's thread.
protocol TaskObserver: AnyObject {
    func taskFinished(_ record: TaskRecord)

    /// The task that waits, while it does.
    var waitingTask: TaskIdentity? { get }
}

extension TaskObserver {
    var waitingTask: TaskIdentity? { nil }
}

/// The running tasks of a loop, oldest first.
///
/// Owner thread only.
@safe
struct TaskList: ~Copyable {
    // SAFETY: a record is in the list only while its task runs, and the task holds it.
    private var first: Unmanaged<TaskRecord>?
    private var last: Unmanaged<TaskRecord>?

    /// How many tasks run.
    private(set) var count = 0

    /// How many of them the loop awaits at its end: those of no scope.
    private var awaited = 0

    /// How many have run, those that run included.
    private(set) var spawned: UInt64 = 0

    /// Whether no task runs that the loop must await at its end.
    var isEmpty: Bool { awaited == 0 }

    mutating func add(_ record: TaskRecord) {
        let link = unsafe Unmanaged.passUnretained(record)
        unsafe record.previous = last
        if let last = unsafe last {
            unsafe last._withUnsafeGuaranteedRef { unsafe $0.next = link }
        } else {
            unsafe first = link
        }
        unsafe last = link
        count &+= 1
        if !record.isScoped { awaited &+= 1 }
        spawned &+= 1
    }

    mutating func remove(_ record: TaskRecord) {
        let next = unsafe record.next
        let previous = unsafe record.previous
        if let next = unsafe next {
            unsafe next._withUnsafeGuaranteedRef { unsafe $0.previous = previous }
        } else {
            unsafe last = previous
        }
        if let previous = unsafe previous {
            unsafe previous._withUnsafeGuaranteedRef { unsafe $0.next = next }
        } else {
            unsafe first = next
        }
        unsafe record.next = nil
        unsafe record.previous = nil
        count &-= 1
        if !record.isScoped { awaited &-= 1 }
    }

    /// Cancels all but those of a scope, which their scope cancels.
    ///
    /// A handler that runs meanwhile may make jobs ready, but runs none.
    func cancelAll() { forEach { if !$0.isScoped { $0.cancel() } } }

    func forEach(_ body: (TaskRecord) -> Void) {
        var link = unsafe first
        while let current = unsafe link {
            // SAFETY: what is in the list is alive; see above.
            let record = unsafe current.takeUnretainedValue()
            unsafe link = record.next
            body(record)
        }
    }
}
