// Waiting for some of several tasks.

/// What ``wait(for:until:timeout:)`` waits for.
public enum WaitCondition: Sendable {
    /// One of the tasks has ended, however it did.
    case firstCompleted
    /// One of the tasks has ended in an error, or all have ended.
    ///
    /// A task that ended in its cancellation has ended in an error.
    case firstError
    /// All tasks have ended.
    case allCompleted
}

/// A wait that has nothing to wait for.
public enum WaitError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No task was given.
    case noTasks

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .noTasks: "there is no task to wait for"
        }
    }
}

/// Waits until tasks have ended, and says which have: asyncio's `wait`.
///
/// Nothing is cancelled, neither by an error nor when the time is up, and no error of a task is
/// thrown: ask the handles. An error counts as looked at only when its task's value or result is
/// asked for. Tasks that had ended before the call count. Works from anywhere, for tasks of any
/// loops.
///
/// ## Cancellation
/// *No effect*: the tasks go on running.
///
/// - Parameters:
///   - handles: The tasks, at least one. A task given twice counts once.
///   - condition: What to wait for; all tasks by default.
///   - timeout: How long to wait at most; nil for as long as it takes. Zero or less lets every
///     other ready task run once, and looks.
/// - Returns: The tasks that have ended, and those that have not, in the order in which they were
///   given.
/// - Throws: `CancellationError`; ``WaitError/noTasks``; ``EventLoopError/stopped`` when the
///   caller's loop ends.
public nonisolated(nonsending) func wait<Success: Sendable, Failure: Error>(
    for handles: some Sequence<TaskHandle<Success, Failure>>,
    until condition: WaitCondition = .allCompleted, timeout: Duration? = nil
) async throws -> (
    done: [TaskHandle<Success, Failure>], pending: [TaskHandle<Success, Failure>]
) {
    let tasks = handles.withoutRepetitions()
    if tasks.isEmpty { throw WaitError.noTasks }
    let deadline = Monotonic.deadline(after: timeout)
    if let timeout, timeout <= .zero { try await yield() }

    let count = tasks.count
    let isOver: @Sendable (TaskCompletions.State) -> Bool = { state in
        switch condition {
        case .firstCompleted: !state.ended.isEmpty
        case .firstError: state.hasError || state.ended.count == count
        case .allCompleted: state.ended.count == count
        }
    }
    let completions = TaskCompletions(isNews: isOver)
    completions.observe(tasks.map { $0.record })
    defer { completions.forget(tasks.lazy.map { $0.record }) }
    try await completions.monitor.wait("wait(for:until:)") { state, now in
        isOver(state) || now >= deadline ? .answer(()) : .later(deadline: deadline)
    }
    return (tasks.filter(\.isFinished), tasks.filter { !$0.isFinished })
}

extension Sequence {
    /// The handles, each task once, at its first place.
    func withoutRepetitions<Success, Failure>() -> [Element]
    where Element == TaskHandle<Success, Failure> {
        var seen: Set<ObjectIdentifier> = []
        return filter { seen.insert(ObjectIdentifier($0.record)).inserted }
    }
}
