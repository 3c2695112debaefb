// What a loop knows of a task that was spawned on it.
internal import Synchronization

/// One spawned task: kept by the loop from the task's first step to its last, so that no task
/// vanishes.
///
/// Owner thread only, but for what is atomic, and what says so. The record outlives the task as long as
/// a handle is held; when the last handle goes and nobody has looked at the task's error, the error is
/// reported.
///
/// With its operation it takes no more than 120 bytes: pieces of memory above that size cost malloc
/// three times as much, once there are many.
@safe
@usableFromInline
class TaskRecord: @unchecked Sendable {
    // SAFETY: `origin`, `isScoped`, `core` and `body` are immutable. The links and the observers
    // are the owner thread's. `aftermath` is written before the task is finished (release), and read
    // afterwards (acquire). The task holds the loop's executor, and with it the core, for as long as it
    // runs; the aftermath holds what it needs. A record is in the list only while its task runs, and the
    // task holds it.
    private let core: Unmanaged<LoopCore>
    private let body: nonisolated(nonsending) (TaskRecord) async -> Void

    // Not checked for overlapping accesses at run time, nor counted where the task's own life
    // suffices: a task costs a dozen of them.
    @exclusivity(unchecked) var next: Unmanaged<TaskRecord>?
    @exclusivity(unchecked) var previous: Unmanaged<TaskRecord>?
    @exclusivity(unchecked) private var observer: TaskObserver?
    @exclusivity(unchecked) private var aftermath: TaskAftermath?

    /// The address of the task of the runtime that runs the operation, from `start` on.
    private let runtimeTask = Atomic<UInt>(0)

    /// What others than the owner need to know of the task.
    private struct State {
        static let cancelled: UInt8 = 1
        static let finished: UInt8 = 2
        /// Somebody on another thread is to be told of the end.
        static let observedElsewhere: UInt8 = 4
    }

    /// Where the task comes from, and its name, if it has one.
    private enum Origin {
        case unnamed(parent: UInt64)
        case named(TaskName)
    }

    private let origin: Origin

    // In the bytes that are left beside it.
    private let state = Atomic<UInt8>(0)
    private let observed = Atomic<Bool>(false)

    /// What there is in ``content``.
    @exclusivity(unchecked) @usableFromInline final var stage = SpawnedTaskStage.spawned

    /// Whether a scope ends the task, and awaits it: then the loop, at its own end, does neither.
    let isScoped: Bool

    /// The operation or the value of a ``SpawnedTask``.
    ///
    /// Here, as the place of a field of a generic class is not known to the compiler.
    @exclusivity(unchecked) @usableFromInline final var content = ValueSlot()

    @usableFromInline
    init(
        core: LoopCore, name: String?, isScoped: Bool,
        body: nonisolated(nonsending) @escaping (TaskRecord) async -> Void
    ) {
        unsafe self.core = .passUnretained(core)
        self.body = body
        self.isScoped = isScoped
        let spawner = TaskIdentity.current
        // Between jobs nobody's task is running.
        let isBetweenJobs = core.isCurrent && spawner == core.hostTask
        let parent = isBetweenJobs ? 0 : spawner?.number ?? 0
        origin = name.map { .named(TaskName($0, parent: parent)) } ?? .unnamed(parent: parent)
    }

    deinit {
        // The acquiring load pairs with the store in `finish`: the last reference may go elsewhere.
        if isFinished, let aftermath = unsafe aftermath, !observed.load(ordering: .relaxed) {
            aftermath.reportError(in: name)
        }
    }

    /// The name given when the task was spawned.
    final var name: String? {
        if case .named(let name) = origin { name.text } else { nil }
    }

    /// The number of the task that spawned it; 0 if that was no task.
    final var parent: UInt64 {
        switch origin {
        case .unnamed(let parent): parent
        case .named(let name): name.parent
        }
    }

    /// Whether the task was spawned on `core`, which is alive.
    func belongs(to core: LoopCore) -> Bool {
        unsafe self.core.toOpaque() == Unmanaged.passUnretained(core).toOpaque()
    }

    // MARK: - The task itself

    /// Runs the operation, from ``start()`` to ``finish(_:)``, in the calling task.
    @inline(__always)
    final nonisolated(nonsending) func perform() async { await callDirectly(body, self) }

    /// The first thing that the task does.
    @usableFromInline
    final func start() {
        // Pairs with `cancel`: either it sees the address, or this the bit.
        runtimeTask.store(TaskIdentity.running.address, ordering: .sequentiallyConsistent)
        unsafe core._withUnsafeGuaranteedRef { core in
            core.tasks.value.add(self)
            if !isScoped, core.phase != .open { noteCancelled() }
        }
        if wasCancelled { task?.cancel() }
    }

    /// The last thing that the task does.
    @usableFromInline
    final func finish(_ error: (any Error)?) {
        if unsafe !CurrentThread.isCurrent(core) { return finishElsewhere(error) }
        // Code of the user's can have cancelled it from within.
        if TaskIdentity.isCurrentCancelled { noteCancelled() }
        if error != nil { noteAftermath(error) }
        leave()
    }

    /// The end of an operation that has ended on another thread.
    ///
    /// A concurrent function need not go back to its caller's executor. What is the loop's is left to do
    /// there. The task ends meanwhile, but is kept.
    private func finishElsewhere(_ error: (any Error)?) {
        if TaskIdentity.isCurrentCancelled { noteCancelled() }
        noteAftermath(error)
        // SAFETY: the task, which runs, holds the core; from here on the call does.
        let core = unsafe core.takeUnretainedValue()
        core.post { withExtendedLifetime(core) { self.leave() } }
    }

    /// The loop's part of the end.
    private func leave() {
        assert(unsafe CurrentThread.isCurrent(core), "a task ends on its loop")
        unsafe core._withUnsafeGuaranteedRef { $0.tasks.value.remove(self) }
        var seen = state.load(ordering: .acquiring)
        while true {
            if seen & State.cancelled != 0, unsafe aftermath == nil { noteAftermath(nil) }
            let (won, now) = state.compareExchange(
                expected: seen, desired: seen | State.finished, ordering: .acquiringAndReleasing)
            if won { break }
            seen = now
        }
        if unsafe observer != nil { tellObservers() }
        if seen & State.observedElsewhere != 0 { TaskRelay.tell(self) }
    }

    private func noteAftermath(_ error: (any Error)?) {
        // SAFETY: the task, which runs, holds the core.
        unsafe aftermath = TaskAftermath(
            error: error, task: .running, core: core.takeUnretainedValue())
    }

    /// The task of the runtime, from `start` to `finish`.
    ///
    /// Not meaningful afterwards.
    final var task: TaskIdentity? {
        let address = runtimeTask.load(ordering: .sequentiallyConsistent)
        return address == 0 ? nil : TaskIdentity(address: address)
    }

    /// The error of a task that has ended.
    @usableFromInline
    final var error: (any Error)? { unsafe aftermath?.error }

    // MARK: - Cancellation

    /// Cancels the task; false if it has ended already.
    ///
    /// Any thread.
    @discardableResult
    final func cancel() -> Bool {
        if !noteCancelled(), isFinished { return false }
        // Also if somebody else was first, who may not have come to it yet: a cancellation is there when
        // this returns. The task of the runtime is alive: the aftermath of one that was cancelled holds it.
        task?.cancel()
        return true
    }

    /// Whether the task has been cancelled.
    ///
    /// Any thread.
    final var isCancelled: Bool {
        if wasCancelled { return true }
        // One that was cancelled from within is as yet known on its loop only.
        let isHere = CurrentThread.withCurrent(as: LoopCore.self) { belongs(to: $0) } ?? false
        return isHere && !isFinished && task?.isCancelled ?? false
    }

    /// Whether the task was cancelled before it ended: the task of the runtime is not as good as new then.
    final var wasCancelled: Bool {
        state.load(ordering: .sequentiallyConsistent) & State.cancelled != 0
    }

    /// True if the task runs, and nobody was faster.
    @discardableResult
    private func noteCancelled() -> Bool {
        var seen = state.load(ordering: .relaxed)
        while seen & (State.cancelled | State.finished) == 0 {
            let (won, now) = state.compareExchange(
                expected: seen, desired: seen | State.cancelled, ordering: .sequentiallyConsistent)
            if won { return true }
            seen = now
        }
        return false
    }

    // MARK: - Those who await it

    /// Whether the task has ended.
    ///
    /// Any thread.
    final var isFinished: Bool { state.load(ordering: .acquiring) & State.finished != 0 }

    /// Somebody looks at the task's result: its error is not lost.
    @usableFromInline
    final func markObserved() { observed.store(true, ordering: .relaxed) }

    /// Traps if the calling task, which is about to await this one's end, is this one: it would never
    /// come.
    final func checkAwaiter() {
        guard let current = TaskIdentity.current, task == current, !isFinished else { return }
        preconditionFailure("the task \(name.map { "'\($0)'" } ?? "without a name") awaits itself")
    }

    /// Waits until the task has ended; not a cancellation point.
    ///
    /// From anywhere.
    @usableFromInline
    final nonisolated(nonsending) func waitForEnd() async {
        markObserved()
        if isFinished { return }
        checkAwaiter()
        let core = LoopCore.current
        if let core, core.isCurrent, belongs(to: core) {
            let waiter = core.makeUninterruptedWaiter(for: #isolation)
            _ = waiter.begin("the end of a task")
            waiter.noteTask()
            _ = observe(waiter)
            _ = await waiter.waitUnnoted()
            core.recycle(waiter)
        } else {
            await waitElsewhere(core)
        }
    }

    private nonisolated(nonsending) func waitElsewhere(_ core: LoopCore?) async {
        let waiter = core?.makeUninterruptedWaiter(for: #isolation) ?? Waiter()
        _ = waiter.begin("the end of a task")
        if observeElsewhere(waiter) {
            _ = await waiter.waitUnnoted()
        } else {
            waiter.abandon()
        }
        core?.recycle(waiter)
    }

    /// Tells `observer` when the task ends; false if it has ended already.
    final func observe(_ observer: TaskObserver) -> Bool {
        if isFinished { return false }
        if let first = unsafe self.observer {
            let group = first as? TaskObserverGroup ?? TaskObserverGroup(first)
            group.add(observer)
            unsafe self.observer = group
        } else {
            unsafe self.observer = observer
        }
        return true
    }

    /// Tells `observer`, on some thread, when the task ends; false if it has ended already.
    ///
    /// Any thread.
    final func observeElsewhere(_ observer: TaskObserver) -> Bool {
        TaskRelay.add(observer, to: self) {
            let seen = state.bitwiseOr(
                State.observedElsewhere, ordering: .acquiringAndReleasing
            ).oldValue
            return seen & State.finished == 0
        }
    }

    private func tellObservers() {
        let observer = unsafe observer
        unsafe self.observer = nil
        observer?.taskFinished(self)
    }

    /// Tells `observer` nothing any more.
    ///
    /// A long-lived task must not collect those who once waited for it.
    final func removeObserver(_ observer: TaskObserver) {
        if unsafe self.observer === observer {
            unsafe self.observer = nil
        } else if let group = unsafe self.observer as? TaskObserverGroup {
            group.remove(observer)
        }
    }

    /// Who is to be told of the task's end.
    final var observers: [TaskObserver] {
        guard let observer = unsafe observer else { return [] }
        return (observer as? TaskObserverGroup)?.members ?? [observer]
    }
}

/// The name of a task, and what else a record holds in its place.
private final class TaskName: Sendable {
    let text: String
    let parent: UInt64

    init(_ text: String, parent: UInt64) {
        self.text = text
        self.parent = parent
    }
}
