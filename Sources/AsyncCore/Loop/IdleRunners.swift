// The tasks of the runtime that a loop keeps for work to come, and who gives it to them.

/// The runners of a loop that have nothing to do, the last used first.
///
/// Owner thread only. All of them have the same priority, so the next task of that priority gets one: there
/// are never more than there were tasks at once.
@safe
struct IdleRunners: ~Copyable {
    // SAFETY: a runner is in the list only while its task waits, which holds it.

    /// A runner, and the job that runs its task: with thousands of them, to look at each would be a miss.
    @safe
    fileprivate struct Idle {
        let runner: Unmanaged<TaskRunner>
        let job: ReadyJob
    }

    private var idle: [Idle] = []

    /// That of them all, while there are any.
    private var priority: UInt8 = 0

    /// The least count since ``takeSurplus()``: so many were not needed.
    private var least = 0

    /// So many stay, also if they are not needed: less than three megabytes.
    static let kept = 512

    var count: Int { idle.count }

    /// Whether it takes runners of that priority.
    func accepts(_ priority: UInt8) -> Bool { idle.isEmpty || self.priority == priority }

    mutating func add(_ runner: TaskRunner, _ job: ReadyJob) {
        priority = runner.priority
        unsafe idle.append(Idle(runner: .passUnretained(runner), job: job))
    }

    /// Has the runner that was used last run `record`, or end, if that is none.
    ///
    /// - Returns: The job that does so; nil if there is no runner.
    fileprivate mutating func begin(_ record: TaskRecord?, _ captured: UInt = 0) -> ReadyJob? {
        guard let last = idle.popLast() else { return nil }
        least = min(least, idle.count)
        if idle.count >= Self.distance {
            let next = idle[idle.count - Self.distance]
            unsafe Prefetch.memory(at: next.runner.toOpaque(), count: 320)
        }
        unsafe last.runner._withUnsafeGuaranteedRef { $0.begin(record, captured) }
        return last.job
    }

    /// How far ahead runners are asked for: a miss takes as long as some five spawns.
    private static let distance = 5

    /// How many more there are than are kept, and were needed since the last call.
    mutating func takeSurplus() -> Int {
        defer { least = count }
        return max(least - Self.kept, 0)
    }

    /// How many the list itself has room for.
    var capacity: Int { idle.capacity }

    /// Gives memory back after a burst, when those that are busy and may come back do not need it either.
    fileprivate mutating func shrinkIfSparse(busy: Int) {
        guard idle.capacity > 4 * Self.kept, idle.count + busy < idle.capacity / 4 else { return }
        var fewer: [Idle] = []
        fewer.reserveCapacity(2 * idle.count)
        fewer += idle
        idle = fewer
    }
}

extension LoopCore {
    /// Runs a spawned task: by a runner, if its work cannot tell.
    ///
    /// Any thread. `captured` is the address of what its operation has captured.
    @usableFromInline
    func begin(_ record: TaskRecord, _ captured: UInt) {
        guard isCurrent, hot.value.isHosting, debug == nil, record.name == nil,
            let task = TaskIdentity.current,
            !task.hasLocalValues || configuration.dropsTaskLocalValues
        else { return beginAnew(record) }
        let priority = task.priority
        let isRight = runners.value.accepts(priority)
        // One that is not makes room for those of the priority that is in use now.
        let job = runners.value.begin(isRight ? record : nil, captured)
        if let job { makeReady(job) }
        if job == nil || !isRight { _ = TaskRunner(self, priority: priority, record) }
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
        defer { runners.value.shrinkIfSparse(busy: tasks.value.count) }
        let surplus = min(runners.value.count - kept, configuration.jobsPerTurn)
        guard surplus > 0 else { return false }
        for _ in 0..<surplus {
            guard let job = runners.value.begin(nil) else { break }
            run(job)
        }
        return true
    }

    /// On a loop that is never idle: ends runners that were not needed for some time.
    func dismissSurplusRunners() {
        let surplus = runners.value.takeSurplus()
        if surplus > 0 { dismissRunners(except: runners.value.count - surplus) }
    }
}
