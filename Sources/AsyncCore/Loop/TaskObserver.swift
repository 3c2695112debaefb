// News of the end of spawned tasks.

/// Somebody who waits for the end of tasks.
@usableFromInline
class TaskObserver: CompletionTarget, @unchecked Sendable {
    // SAFETY: it has no state.

    /// A task has ended.
    ///
    /// Called on the task's loop, holding no lock.
    func taskFinished(_ record: TaskRecord) {}

    /// The task that waits for several, while it does.
    var waitingTask: TaskIdentity? { nil }
}

/// Several observers of one task.
///
/// Thread of the task's loop only.
final class TaskObserverGroup: TaskObserver, @unchecked Sendable {
    // SAFETY: `members` is touched on the thread of the task's loop only.
    private(set) var members: [TaskObserver]

    init(_ first: TaskObserver) { members = [first] }

    func add(_ observer: TaskObserver) { members.append(observer) }

    func remove(_ observer: TaskObserver) { members.removeAll { $0 === observer } }

    override func taskFinished(_ record: TaskRecord) {
        for member in members { member.taskFinished(record) }
    }
}

/// Tells observers on other threads that a task has ended.
///
/// A task's own observers belong to its loop's thread, which others cannot reach safely: the loop may
/// end with its last task.
enum TaskRelay {
    private static let observers = DistantObservers()

    /// Lets `observer` know of the task's end, if `isRunning`, which is asked under a lock, says that
    /// it is still to come; returns its answer.
    static func add(
        _ observer: TaskObserver, to record: TaskRecord, if isRunning: () -> Bool
    ) -> Bool {
        observers.add(observer, to: record, if: isRunning)
    }

    /// Lets `observer` know nothing any more.
    static func remove(_ observer: TaskObserver, from record: TaskRecord) {
        observers.remove(observer, from: record)
    }

    /// The task has ended.
    static func tell(_ record: TaskRecord) {
        for observer in observers.takeAll(of: record) { observer.taskFinished(record) }
    }

    /// How many are to be told of a task's end; nil if nobody ever was.
    ///
    /// For tests.
    static func observerCount(of record: TaskRecord) -> Int? { observers.count(of: record) }
}

private final class DistantObservers: @unchecked Sendable {
    // SAFETY: `observers` is guarded by `lock`. A record that is in it is alive: its task, which has not
    // ended, holds it.
    private let lock = ThreadLock()
    private var observers: [ObjectIdentifier: [TaskObserver]] = [:]

    func add(
        _ observer: TaskObserver, to record: TaskRecord, if isRunning: () -> Bool
    ) -> Bool {
        lock.withLock {
            guard isRunning() else { return false }
            observers[ObjectIdentifier(record), default: []].append(observer)
            return true
        }
    }

    func remove(_ observer: TaskObserver, from record: TaskRecord) {
        lock.withLock { observers[ObjectIdentifier(record)]?.removeAll { $0 === observer } }
    }

    func takeAll(of record: TaskRecord) -> [TaskObserver] {
        lock.withLock { observers.removeValue(forKey: ObjectIdentifier(record)) ?? [] }
    }

    func count(of record: TaskRecord) -> Int? {
        lock.withLock { observers[ObjectIdentifier(record)]?.count }
    }
}
