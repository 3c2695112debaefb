// What a loop keeps in mind while it looks for mistakes. Nothing of it exists outside of debug mode.
internal import Synchronization

/// The eye of one loop on its jobs, and on tasks that leave it.
///
/// Any thread.
@usableFromInline
final class DebugMode: Sendable {
    /// Whether this is a debug build of AsyncCore.
    static var isDebugBuild: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    /// What the environment says about loops that are not told otherwise.
    static let isDefault = Environment.value(of: "ASYNCCORE_DEBUG") == "1"

    /// Whether there has ever been a loop in debug mode.
    private static let used = Atomic<Bool>(false)
    static var isInUse: Bool { used.load(ordering: .relaxed) }

    private let threshold: UInt64
    private let report: @Sendable (EventLoop.Diagnosis) -> Void
    private let state = DebugState()

    /// Nil if the configuration does not ask for it.
    init?(_ configuration: EventLoop.Configuration) {
        guard configuration.debug else { return nil }
        threshold = Monotonic.adding(configuration.slowJobThreshold, to: 0)
        report = configuration.onDiagnosis
        Self.used.store(true, ordering: .relaxed)
    }

    // MARK: - Names

    /// A task of the loop has begun.
    func begin(_ task: TaskIdentity, named name: String?) {
        let number = task.number
        let label = TaskLabel.text(name, number)
        state.withLock { state in
            state.names[number] = label
            // The first job of a task begins before its name is known; it may also be the last.
            if state.running?.task == number { state.running?.label = label }
        }
    }

    func end(_ task: TaskIdentity) {
        let number = task.number
        state.withLock { $0.names[number] = nil }
    }

    /// What to call a task that is alive, which need not be one that has begun here.
    func label(of task: TaskIdentity) -> String {
        if let label = name(of: task) { return label }
        var ancestor = task.parent
        while let current = ancestor {
            if let label = name(of: current) { return "a child task of \(label)" }
            ancestor = current.parent
        }
        return TaskLabel.text(nil, task.number)
    }

    private func name(of task: TaskIdentity) -> String? {
        let number = task.number
        return state.withLock { $0.names[number] }
    }

    // MARK: - Jobs

    /// A step of that task begins; nil for what is no task's.
    func beginJob(of task: TaskIdentity?, or other: @autoclosure () -> String, at now: UInt64) {
        let label = task.map(label) ?? other()
        let number = task?.number
        state.withLock { $0.running = .init(task: number, label: label, since: now) }
    }

    func endJob(at now: UInt64) {
        guard let job = state.withLock({ $0.takeRunning() }), now > job.since,
            now - job.since >= threshold
        else { return }
        report(.slowJob(job.running(at: now)))
    }

    /// The job that runs now, if one does.
    func runningJob(at now: UInt64) -> EventLoop.RunningJob? {
        state.withLock { $0.running?.running(at: now) }
    }

    // MARK: - Tasks that left

    /// Reports that a task called an operation on no loop; once a task.
    func noteLeft(_ operation: StaticString, in task: TaskIdentity, from origin: LoopOrigin) {
        let number = task.number
        guard state.withLock({ $0.isFirst(number) }) else { return }
        let label =
            number == origin.number ? origin.label : TaskLabel.text(Task.name, number)
        report(
            .leftLoop(.init(operation: "\(operation)", task: label, origin: origin.label)))
    }
}

/// How a task is shown.
enum TaskLabel {
    static func text(_ name: String?, _ number: UInt64) -> String {
        name.map { "'\($0)' (task #\(number))" } ?? "task #\(number)"
    }
}

/// The job that a loop is in.
private struct JobNote {
    /// The number of the task that it is a step of, if any.
    let task: UInt64?
    var label: String
    let since: UInt64

    func running(at now: UInt64) -> EventLoop.RunningJob {
        .init(task: label, duration: Monotonic.duration(from: since, to: now))
    }
}

/// What changes of a ``DebugMode``.
private final class DebugState: @unchecked Sendable {
    // SAFETY: guarded by `lock`.
    private let lock = ThreadLock()

    var names: [UInt64: String] = [:]
    var running: JobNote?
    private var haveLeft: Set<UInt64> = []

    /// So many tasks are reported at most, and no more after that.
    private static let reports = 1_000

    func withLock<R>(_ body: (DebugState) -> R) -> R { lock.withLock { body(self) } }

    func takeRunning() -> JobNote? {
        defer { running = nil }
        return running
    }

    func isFirst(_ task: UInt64) -> Bool {
        haveLeft.count < Self.reports && haveLeft.insert(task).inserted
    }
}
