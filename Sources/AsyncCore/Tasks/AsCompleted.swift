// Tasks in the order in which they end.

/// Goes through tasks in the order in which they end: asyncio's `as_completed`.
///
/// Those that had ended before the call come first, in the order in which they were given.
///
/// ```swift
/// for try await task in asCompleted(downloads) {
///     print(try await task.value)
/// }
/// ```
///
/// - Parameters:
///   - handles: The tasks, of any loops. None give an empty sequence; one given twice comes once.
///   - timeout: How long to wait at most, counted from this call; nil for as long as it takes. Then
///     what has not ended is a ``TimeoutError``.
/// - Returns: The very handles that were given, each of which has ended when it comes.
public func asCompleted<Success: Sendable, Failure: Error>(
    _ handles: some Sequence<TaskHandle<Success, Failure>>, timeout: Duration? = nil
) -> TasksAsCompleted<Success, Failure> {
    TasksAsCompleted(handles.withoutRepetitions(), deadline: Monotonic.deadline(after: timeout))
}

/// Tasks in the order in which they end; see ``asCompleted(_:timeout:)``.
///
/// All iterators of one sequence share the tasks: iterating may be broken off and resumed, and
/// several tasks may iterate at once; each handle comes once. Breaking off leaves the tasks
/// running.
///
/// ## Cancellation
/// *No effect*: the tasks go on running, and none is lost to a later iteration.
///
/// ## Isolation
/// *Any task*.
public struct TasksAsCompleted<Success: Sendable, Failure: Error>: AsyncSequence, Sendable {
    /// A task that has ended.
    public typealias Element = TaskHandle<Success, Failure>

    fileprivate let remaining: RemainingTasks<Success, Failure>

    init(_ handles: [Element], deadline: UInt64) {
        remaining = RemainingTasks(handles, deadline: deadline)
    }

    /// Goes through the tasks that did not come yet.
    public func makeAsyncIterator() -> Iterator { Iterator(remaining: remaining) }

    /// Goes through tasks in the order in which they end.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let remaining: RemainingTasks<Success, Failure>

        /// The task that ended next; nil once all have come.
        ///
        /// - Throws: `CancellationError`; ``TimeoutError`` once the time is up and nothing more has
        ///   ended; ``EventLoopError/stopped`` when the caller's loop ends.
        public mutating func next() async throws -> Element? { try await remaining.next() }

        /// As ``next()``, on the caller's isolation.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> Element? {
            try await remaining.next()
        }
    }
}

/// The state that all iterators of a sequence share.
private final class RemainingTasks<Success: Sendable, Failure: Error>: Sendable {
    private let handles: [ObjectIdentifier: TaskHandle<Success, Failure>]
    private let completions = TaskCompletions { _ in true }
    private let deadline: UInt64

    init(_ handles: [TaskHandle<Success, Failure>], deadline: UInt64) {
        self.handles = Dictionary(
            uniqueKeysWithValues: handles.map { (ObjectIdentifier($0.record), $0) })
        self.deadline = deadline
        completions.observe(handles.map { $0.record })
    }

    deinit { completions.forget(handles.values.lazy.map { $0.record }) }

    nonisolated(nonsending) func next() async throws -> TaskHandle<Success, Failure>? {
        let ended = try await completions.monitor.wait("asCompleted") {
            state, now -> Look<TaskRecord?> in
            if let record = state.takeNext() { return .answer(record) }
            if state.ended.count == handles.count { return .answer(nil) }
            if now >= deadline { throw TimeoutError() }
            return .later(deadline: deadline)
        }
        return ended.flatMap { handles[ObjectIdentifier($0)] }
    }
}
