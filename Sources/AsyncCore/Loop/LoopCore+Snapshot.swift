// Collects what a loop knows of its tasks.

extension LoopCore {
    /// The tasks of the loop, now.
    ///
    /// Owner thread only.
    func snapshot() -> EventLoop.Snapshot {
        var survey = TaskSurvey(now: max(poller.now, waitBook.now))
        if let mainTask { survey.add(mainTask, name: "main", parent: 0) }
        tasks.value.forEach { record in
            guard let task = record.task else { return }
            survey.add(task, name: record.name, parent: record.parent)
            if let wait = task.standingWaiter?.wait { survey.note(wait, of: task) }
        }
        survey.endSpawned()
        waitBook.forEach { waiter in
            if let wait = waiter.wait, let task = wait.task { survey.note(wait, of: task) }
        }
        forEachReady { job in
            guard let task = TaskIdentity(job: job) else { return }
            // One that will run something else is not the task that it was.
            if let runner = task.standingWaiter as? TaskRunner {
                if runner.isEnding { return }
                runner.number(task)
            }
            survey.noteReady(task)
        }
        // Between jobs it is whoever called the loop's run.
        if let current = TaskIdentity.current, current != hostTask { survey.noteRunning(current) }
        tasks.value.forEach { survey.noteAwaiters(of: $0) }
        return EventLoop.Snapshot(loop: configuration.name, tasks: survey.result)
    }
}

/// A snapshot in the making.
///
/// All tasks that it is told of are alive.
private struct TaskSurvey {
    private let now: UInt64
    private var found: [TaskSnapshot] = []
    private var places: [UInt64: Int] = [:]

    init(now: UInt64) { self.now = now }

    private var spawned = 0

    /// Those that were added so far are in the order in which they began.
    mutating func endSpawned() { spawned = found.count }

    /// The others follow in the order of their numbers.
    var result: [TaskSnapshot] {
        found.prefix(spawned) + found.dropFirst(spawned).sorted { $0.id < $1.id }
    }

    /// Adds a task, if it is not there yet, with the tasks whose child it is.
    @discardableResult
    mutating func add(_ task: TaskIdentity, name: String?, parent: UInt64) -> Int {
        let number = task.number
        if let place = places[number] { return place }
        let structured = task.parent
        if let structured { add(structured, name: nil, parent: 0) }
        let known = structured?.number ?? parent
        found.append(
            TaskSnapshot(
                id: number, name: name, state: .suspended, parent: known == 0 ? nil : known,
                isChild: structured != nil, isCancelled: task.isCancelled))
        places[number] = found.count - 1
        return found.count - 1
    }

    /// A wait that is over is none: its task will be ready, and may even have gone on elsewhere.
    mutating func note(_ wait: WaitNote, of task: TaskIdentity) {
        let place = add(task, name: wait.taskName, parent: 0)
        if found[place].name == nil { found[place].name = wait.taskName }
        found[place].state = .waiting(
            .init(
                what: "\(wait.what)", elapsed: Monotonic.duration(from: wait.since, to: now),
                holders: wait.holders.map(\.number)))
    }

    mutating func noteReady(_ task: TaskIdentity) {
        found[add(task, name: nil, parent: 0)].state = .ready
    }

    mutating func noteRunning(_ task: TaskIdentity) {
        let place = add(task, name: nil, parent: 0)
        found[place].state = .running
        if found[place].name == nil { found[place].name = Task.name }
    }

    /// Those who wait for a spawned task say so here, or the task says it of them.
    mutating func noteAwaiters(of record: TaskRecord) {
        guard let number = record.task?.number else { return }
        for observer in record.observers {
            if let task = observer.waitingTask {
                noteHolder(number, of: task)
            } else if let wait = (observer as? Waiter)?.wait, let task = wait.task {
                noteAwaiter(task, since: wait.since, of: record, number)
            }
        }
    }

    /// A task that waits for others waits for this one, too.
    private mutating func noteHolder(_ number: UInt64, of task: TaskIdentity) {
        guard let place = places[task.number], case .waiting(var wait) = found[place].state
        else { return }
        wait.holders.append(number)
        found[place].state = .waiting(wait)
    }

    /// A task awaits the value of another.
    private mutating func noteAwaiter(
        _ task: TaskIdentity, since: UInt64, of record: TaskRecord, _ number: UInt64
    ) {
        guard let place = places[task.number], found[place].state == .suspended else { return }
        found[place].state = .waiting(
            .init(
                what: "the value of \(record.name.map { "'\($0)'" } ?? "task #\(number)")",
                elapsed: Monotonic.duration(from: since, to: now), holders: [number]))
    }
}
