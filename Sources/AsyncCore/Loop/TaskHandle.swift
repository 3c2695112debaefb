// What a user holds of a spawned task.

/// A task that was spawned on an event loop.
///
/// The loop keeps the task alive and ends it (by cancellation) when the loop ends, whether a handle
/// is held or not. If the task fails, and every handle is gone before anybody asked for `value`
/// or ``result``, the error is reported through ``EventLoop/Configuration/onUnhandledError``.
///
/// ## Isolation
/// *Any task*.
public struct TaskHandle<Success: Sendable, Failure: Error>: Sendable {
    @usableFromInline let task: Task<Success, Failure>
    @usableFromInline let record: TaskRecord

    @usableFromInline
    init(task: Task<Success, Failure>, record: TaskRecord) {
        self.task = task
        self.record = record
    }

    /// The name given when the task was spawned.
    public var name: String? { record.name }

    /// Whether the task has ended.
    public var isFinished: Bool { record.isFinished }

    /// Whether the task has been cancelled.
    public var isCancelled: Bool { task.isCancelled }

    /// Asks the task to end: what it waits for, now or later, fails with `CancellationError`.
    ///
    /// - Returns: False if the task has ended already; then nothing happens.
    @discardableResult
    public func cancel() -> Bool {
        if record.isFinished { return false }
        task.cancel()
        return true
    }

    /// Waits until the task has ended, and says how.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: cancelling the caller neither ends the wait nor cancels the
    /// task.
    ///
    /// - Precondition: The caller is not the task itself.
    public var result: Result<Success, Failure> {
        get async {
            record.noteAwaiter()
            return await task.result
        }
    }
}

extension TaskHandle where Failure == any Error {
    /// The task's value, once it has ended.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: cancelling the caller neither ends the wait nor cancels the
    /// task. `gather` cancels what it waits for.
    ///
    /// - Throws: The task's error.
    /// - Precondition: The caller is not the task itself.
    @inlinable public var value: Success {
        get async throws {
            record.noteAwaiter()
            return try await task.value
        }
    }
}

extension TaskHandle where Failure == Never {
    /// The task's value, once it has ended.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: cancelling the caller neither ends the wait nor cancels the
    /// task.
    ///
    /// - Precondition: The caller is not the task itself.
    @inlinable public var value: Success {
        get async {
            record.noteAwaiter()
            return await task.value
        }
    }
}
