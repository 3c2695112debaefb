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
    // SAFETY: `name` and `core` are immutable. `next`, `previous`, `identity`, the observers,
    // `failure` and `didFail` are the owner thread's until `isFinished` is set (release);
    // `failure` is read afterwards, in deinit.
    let core: LoopCore
    let name: String?

    // Not checked for overlapping accesses at run time: a task costs a dozen of them, and none
    // calls anything.
    @exclusivity(unchecked) private var identity: TaskIdentity?
    @exclusivity(unchecked) private var failure: (any Error)?
    @exclusivity(unchecked) private var didFail = false
    @exclusivity(unchecked) private var observer: (any TaskObserver)?
    @exclusivity(unchecked) private var otherObservers: [any TaskObserver]?

    private let finished = Atomic<Bool>(false)
    private let observed = Atomic<Bool>(false)

    // Links of the loop's list.
    // SAFETY: a record is in the list only while its task runs, and the task holds it.
    @exclusivity(unchecked) fileprivate unowned(unsafe) var next: TaskRecord?
    @exclusivity(unchecked) fileprivate unowned(unsafe) var previous: TaskRecord?

    @usableFromInline
    init(core: LoopCore, name: String?) {
        self.core = core
        self.name = name
    }

    deinit {
        // The acquiring load pairs with the store in `finish`: the last reference may go elsewhere.
        if isFinished, let failure = unsafe failure, !observed.load(ordering: .relaxed) {
            core.reportUnhandled(failure, in: name)
        }
    }

    /// Somebody looks at the task's result: its error is not lost.
    @usableFromInline
    func markObserved() { observed.store(true, ordering: .relaxed) }

    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// The first thing that the task does.
    @usableFromInline
    func start() {
        unsafe identity = TaskIdentity.current
        core.tasks.add(self)
        core.counters.spawned &+= 1
        if core.phase != .open { cancel() }
    }

    /// The last thing that the task does.
    @usableFromInline
    func finish(_ error: (any Error)?) {
        if let error {
            unsafe didFail = true
            if !(error is CancellationError) { unsafe failure = error }
        }
        core.tasks.remove(self)
        finished.store(true, ordering: .releasing)
        guard let observer = unsafe observer else { return }
        let others = unsafe otherObservers
        unsafe self.observer = nil
        unsafe otherObservers = nil
        observer.taskFinished(self)
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
}

/// Somebody who waits for several tasks of one loop.
///
/// Called on the loop's thread.
protocol TaskObserver: AnyObject {
    func taskFinished(_ record: TaskRecord)
}

/// The running tasks of a loop, oldest first.
///
/// Owner thread only.
@safe
final class TaskList {
    // SAFETY: a record is in the list only while its task runs, and the task holds it.

    @exclusivity(unchecked) private unowned(unsafe) var first: TaskRecord?
    @exclusivity(unchecked) private unowned(unsafe) var last: TaskRecord?
    @exclusivity(unchecked) private var live = 0

    var count: Int { unsafe live }

    var isEmpty: Bool { count == 0 }

    func add(_ record: TaskRecord) {
        unsafe record.previous = last
        if let last = unsafe last { unsafe last.next = record } else { unsafe first = record }
        unsafe last = record
        unsafe live += 1
    }

    func remove(_ record: TaskRecord) {
        let next = unsafe record.next
        let previous = unsafe record.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { unsafe previous.next = next } else { unsafe first = next }
        unsafe record.next = nil
        unsafe record.previous = nil
        unsafe live -= 1
    }

    /// Cancels all.
    ///
    /// A handler that runs meanwhile may make jobs ready, but runs none.
    func cancelAll() { forEach { $0.cancel() } }

    func forEach(_ body: (TaskRecord) -> Void) {
        var record = unsafe first
        while let current = record {
            unsafe record = current.next
            body(current)
        }
    }
}
