// The tasks of the runtime that a loop keeps for work to come, and who gives it to them.

/// The runners of a loop that have nothing to do, the last used first.
///
/// Owner thread only.
@safe
struct IdleRunners: ~Copyable {
    // SAFETY: a runner is in the list only while its task waits, which holds it.
    private var first: Unmanaged<TaskRunner>?
    private(set) var count = 0

    /// So many stay when the loop has nothing else to do: less than two megabytes.
    static let kept = 512

    mutating func add(_ runner: TaskRunner) {
        unsafe runner.nextIdle = first
        unsafe first = .passUnretained(runner)
        count &+= 1
    }

    fileprivate mutating func takeFirst(where isRight: (TaskRunner) -> Bool) -> Unmanaged<
        TaskRunner
    >? {
        guard let runner = unsafe first, unsafe runner._withUnsafeGuaranteedRef(isRight) else {
            return nil
        }
        unsafe runner._withUnsafeGuaranteedRef {
            unsafe first = $0.nextIdle
            unsafe $0.nextIdle = nil
        }
        count &-= 1
        return unsafe runner
    }
}

extension LoopCore {
    /// Runs a spawned task: by a runner, if its work cannot tell.
    ///
    /// Any thread.
    @usableFromInline
    func begin(_ record: TaskRecord) {
        guard isCurrent, hot.value.isHosting, debug == nil, record.name == nil,
            let task = TaskIdentity.current,
            !task.hasLocalValues || configuration.dropsTaskLocalValues
        else { return beginAnew(record) }
        let priority = task.priority
        // SAFETY: an idle runner's task holds it, and goes on to do so.
        guard let runner = unsafe runners.value.takeFirst(where: { $0.priority == priority })
        else {
            _ = TaskRunner(self, priority: priority, record)
            return
        }
        let job = unsafe runner._withUnsafeGuaranteedRef { $0.begin(record) }
        TaskIdentity(address: job.address).setNumber(TaskNumbers.next())
        makeReady(job)
    }

    private func beginAnew(_ record: TaskRecord) {
        Task(name: record.name, executorPreference: preferredExecutor) { await record.perform() }
    }

    /// Ends runners that have nothing to do, until no more than `kept` are left, or a turn is full.
    ///
    /// Owner thread only.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    func dismissRunners(except kept: Int = 0) -> Bool {
        // SAFETY: an idle runner's task holds it until it has run to its end.
        var left = configuration.jobsPerTurn
        while left > 0, runners.value.count > kept,
            let runner = unsafe runners.value.takeFirst(where: { _ in true })
        {
            run(unsafe runner._withUnsafeGuaranteedRef { $0.begin(nil) })
            left -= 1
        }
        return left < configuration.jobsPerTurn
    }
}
