// What a loop knows of a task that was spawned on it.
internal import Synchronization

/// One spawned task: kept by the loop from the task's first step to its last, so that no task vanishes.
///
/// Owner thread only, but for what is atomic. The record outlives the task as long as a handle is held; when the last
/// handle goes and nobody has looked at the task's error, the error is reported.
final class TaskRecord: @unchecked Sendable {
    // SAFETY: `name` and `core` are immutable. `next`, `previous`, `identity`, `observers`, `failure` and `endedInError` are the owner
    // thread's until `isFinished` is set (release); `failure` is read afterwards, in deinit.
    let core: LoopCore
    let name: String?
    private(set) var identity: TaskIdentity?
    private var failure: (any Error)?
    private(set) var endedInError = false
    private var observers: [any TaskObserver] = []

    private let finished = Atomic<Bool>(false)
    private let observed = Atomic<Bool>(false)

    // Links of the loop's list.
    fileprivate(set) var next: TaskRecord?
    fileprivate unowned(unsafe) var previous: TaskRecord?

    init(core: LoopCore, name: String?) {
        self.core = core
        self.name = name
    }

    deinit {
        if let failure, !observed.load(ordering: .relaxed) {
            core.reportUnhandled(failure, in: name)
        }
    }

    /// Somebody looks at the task's result: its error is not lost.
    func markObserved() { observed.store(true, ordering: .relaxed) }

    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// The first thing that the task does.
    @inline(__always)
    func start() {
        identity = TaskIdentity.current
        core.tasks.add(self)
        core.counters.spawned &+= 1
        if core.phase != .open { cancel() }
    }

    /// The last thing that the task does.
    @inline(__always)
    func finish(_ error: (any Error)?) {
        if let error {
            endedInError = true
            if !(error is CancellationError) { failure = error }
        }
        core.tasks.remove(self)
        finished.store(true, ordering: .releasing)
        if observers.isEmpty { return }
        let observers = observers
        self.observers = []
        for observer in observers { observer.taskFinished(self) }
    }

    /// Cancels the task, which must be one of the list: between `start` and `finish`.
    func cancel() { identity?.cancel() }

    /// Tells `observer` when the task ends; false if it has ended already.
    func observe(_ observer: any TaskObserver) -> Bool {
        if isFinished { return false }
        observers.append(observer)
        return true
    }
}

/// Somebody who waits for several tasks of one loop. Called on the loop's thread.
protocol TaskObserver: AnyObject {
    func taskFinished(_ record: TaskRecord)
}

/// The running tasks of a loop, oldest first. Owner thread only.
final class TaskList {
    private var first: TaskRecord?
    private unowned(unsafe) var last: TaskRecord?
    private(set) var count = 0

    var isEmpty: Bool { first == nil }

    func add(_ record: TaskRecord) {
        unsafe record.previous = last
        if let last = unsafe last { last.next = record } else { first = record }
        unsafe last = record
        count += 1
    }

    func remove(_ record: TaskRecord) {
        let next = record.next
        let previous = unsafe record.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { previous.next = next } else { first = next }
        record.next = nil
        unsafe record.previous = nil
        count -= 1
    }

    /// Cancels all. A handler that runs meanwhile may make jobs ready, but runs none.
    func cancelAll() { forEach { $0.cancel() } }

    func forEach(_ body: (TaskRecord) -> Void) {
        var record = first
        while let current = record {
            record = current.next
            body(current)
        }
    }
}
