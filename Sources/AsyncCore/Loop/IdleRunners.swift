// The tasks of the runtime that a loop keeps for work to come, and who gives it to them.

/// The runners of a loop that have nothing to do, the last used first.
///
/// Owner thread only. All of them have the same priority, so the next task of that priority gets one: there
/// are never more than there were tasks at once.
@safe
struct IdleRunners: ~Copyable {
    // SAFETY: a runner is in the list only while its task waits, which holds it.
    private var first: Unmanaged<TaskRunner>?
    private(set) var count = 0

    /// The least count since ``takeSurplus()``: so many were not needed.
    private var least = 0

    /// So many stay, also if they are not needed: less than three megabytes.
    static let kept = 512

    /// Whether it takes runners of that priority.
    func accepts(_ priority: UInt8) -> Bool {
        guard let first = unsafe first else { return true }
        return unsafe first._withUnsafeGuaranteedRef { $0.priority == priority }
    }

    mutating func add(_ runner: TaskRunner) {
        unsafe runner.nextIdle = first
        unsafe first = .passUnretained(runner)
        count &+= 1
    }

    fileprivate mutating func takeFirst() -> Unmanaged<TaskRunner>? {
        guard let runner = unsafe first else { return nil }
        unsafe runner._withUnsafeGuaranteedRef {
            unsafe first = $0.nextIdle
            unsafe $0.nextIdle = nil
        }
        count &-= 1
        least = min(least, count)
        return unsafe runner
    }

    /// How many more there are than are kept, and were needed since the last call.
    mutating func takeSurplus() -> Int {
        defer { least = count }
        return max(least - Self.kept, 0)
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
        // SAFETY: an idle runner's task holds it, and goes on to do so until it has run.
        let runner = unsafe runners.value.takeFirst()
        let isRight = unsafe runner?._withUnsafeGuaranteedRef { $0.priority == priority } ?? false
        if let runner = unsafe runner {
            // One that is not makes room for those of the priority that is in use now.
            let next = isRight ? record : nil
            let job = unsafe runner._withUnsafeGuaranteedRef { $0.begin(next) }
            if isRight { TaskIdentity(address: job.address).setNumber(TaskNumbers.next()) }
            makeReady(job)
        }
        if !isRight { _ = TaskRunner(self, priority: priority, record) }
    }

    private func beginAnew(_ record: TaskRecord) {
        Task(name: record.name, executorPreference: preferredExecutor) { await record.perform() }
    }

    /// Ends runners that have nothing to do, but for `kept` of them; no more than a turn runs jobs.
    ///
    /// Owner thread only, between jobs.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    func dismissRunners(except kept: Int = 0) -> Bool {
        // SAFETY: an idle runner's task holds it until it has run to its end.
        let surplus = min(runners.value.count - kept, configuration.jobsPerTurn)
        guard surplus > 0 else { return false }
        for _ in 0..<surplus {
            guard let runner = unsafe runners.value.takeFirst() else { break }
            run(unsafe runner._withUnsafeGuaranteedRef { $0.begin(nil) })
        }
        return true
    }

    /// On a loop that is never idle: ends runners that were not needed for some time.
    func dismissSurplusRunners() {
        let surplus = runners.value.takeSurplus()
        if surplus > 0 { dismissRunners(except: runners.value.count - surplus) }
    }
}
