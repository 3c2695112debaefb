// Who has ended among several tasks, in which order: what `wait` and `asCompleted` share.

/// Notes the ends of tasks of any loops, in the order in which they come.
///
/// Any thread. A task that had ended before counts as ended at the moment of ``observe(_:)``.
final class TaskCompletions: TaskObserver, @unchecked Sendable {
    // SAFETY: all of it is immutable; the monitor guards what changes.

    struct State: TimedState {
        let watchers = WaiterQueue<Void, Void>()
        /// Those that have ended, in that order.
        var ended: [TaskRecord] = []
        var hasError = false
        /// How many of `ended` were taken by ``takeNext(_:)``.
        fileprivate var taken = 0

        mutating func takeNext() -> TaskRecord? {
            guard taken < ended.count else { return nil }
            defer { taken += 1 }
            return ended[taken]
        }

        fileprivate mutating func note(_ record: TaskRecord) {
            ended.append(record)
            if record.error != nil { hasError = true }
        }
    }

    let monitor = Monitor(State())
    /// The loop that it was made on: tasks of this loop are observed directly.
    private let home = LoopCore.current
    private let isNews: @Sendable (State) -> Bool

    /// - Parameter isNews: whether those who wait must look at a state that has changed.
    init(isNews: @escaping @Sendable (State) -> Bool) { self.isNews = isNews }

    /// Begins to observe tasks, each of which is given once.
    ///
    /// To be called once, where the object was made.
    func observe(_ tasks: some Sequence<TaskRecord>) {
        for task in tasks where !observe(task) { taskFinished(task) }
    }

    /// False if it has ended.
    private func observe(_ task: TaskRecord) -> Bool {
        if let home, task.belongs(to: home) { return task.observe(self) }
        return task.observeElsewhere(self)
    }

    /// Ceases to observe those that still run.
    func forget(_ tasks: some Sequence<TaskRecord>) {
        for task in tasks where !task.isFinished {
            if let home, task.belongs(to: home) {
                forgetAtHome(task, home)
            } else {
                TaskRelay.remove(self, from: task)
            }
        }
    }

    private func forgetAtHome(_ record: TaskRecord, _ home: LoopCore) {
        if LoopCore.current === home {
            record.removeObserver(self)
        } else {
            home.post { record.removeObserver(self) }
        }
    }

    override func taskFinished(_ record: TaskRecord) {
        monitor.change { state, isNews in
            state.note(record)
            isNews = self.isNews(state)
        }
    }
}
