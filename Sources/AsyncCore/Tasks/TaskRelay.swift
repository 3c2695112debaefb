// News of the end of tasks that run on other loops.
//
// A task's own observers belong to its loop's thread, which others cannot reach safely: the loop
// may end with its last task. So for each task that is watched from elsewhere one task more awaits
// it, however many watch, and however often they come and go.

/// Tells observers on any thread that a task has ended.
enum TaskRelay {
    private static let watched = WatchedTasks()

    /// Lets `observer` know of the task's end, on any thread.
    static func observe(_ task: some Joinable, _ observer: TaskCompletions) {
        let record = task.record
        guard watched.add(observer, to: record) else { return }
        // On the caller's loop, if there is one: the process may have no other threads.
        Task.detached(name: "relay", executorPreference: LoopCore.current?.preferredExecutor) {
            await task.waitForEnd()
            for observer in watched.end(record) { observer.taskFinished(record) }
        }
    }

    /// Lets `observer` know nothing any more.
    static func forget(_ record: TaskRecord, _ observer: TaskCompletions) {
        watched.remove(observer, from: record)
    }

    /// How many are to be told of a task's end; nil if nobody ever was.
    ///
    /// For tests.
    static func observerCount(of record: TaskRecord) -> Int? { watched.count(record) }
}

/// Who watches which tasks.
private final class WatchedTasks: @unchecked Sendable {
    // SAFETY: `observers` is guarded by `lock`. A record that is in it is kept alive by the task
    // that awaits it.
    private let lock = ThreadLock()
    private var observers: [ObjectIdentifier: [TaskCompletions]] = [:]

    /// True if nobody awaits the task yet.
    func add(_ observer: TaskCompletions, to record: TaskRecord) -> Bool {
        lock.withLock {
            let isFirst = observers[ObjectIdentifier(record)] == nil
            observers[ObjectIdentifier(record), default: []].append(observer)
            return isFirst
        }
    }

    func remove(_ observer: TaskCompletions, from record: TaskRecord) {
        lock.withLock { observers[ObjectIdentifier(record)]?.removeAll { $0 === observer } }
    }

    func count(_ record: TaskRecord) -> Int? {
        lock.withLock { observers[ObjectIdentifier(record)]?.count }
    }

    func end(_ record: TaskRecord) -> [TaskCompletions] {
        lock.withLock { observers.removeValue(forKey: ObjectIdentifier(record)) ?? [] }
    }
}
