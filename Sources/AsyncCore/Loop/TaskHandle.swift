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
    @usableFromInline let spawned: SpawnedTask<Success>

    @usableFromInline
    init(_ spawned: SpawnedTask<Success>) { self.spawned = spawned }

    var record: TaskRecord { spawned }

    /// The name given when the task was spawned.
    public var name: String? { record.name }

    /// Whether the task has ended.
    public var isFinished: Bool { record.isFinished }

    /// Whether the task has been cancelled.
    ///
    /// That a task has cancelled itself is known on its loop at once, and elsewhere when it has ended.
    public var isCancelled: Bool { record.isCancelled }

    /// Asks the task to end: what it waits for, now or later, fails with `CancellationError`.
    ///
    /// - Returns: False if the task has ended already; then nothing happens.
    @discardableResult
    public func cancel() -> Bool { record.cancel() }

    /// Waits until the task has ended, and says how.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: cancelling the caller neither ends the wait nor cancels the
    /// task.
    ///
    /// - Precondition: The caller is not the task itself.
    public var result: Result<Success, Failure> {
        get async {
            await spawned.waitForEnd()
            return resultOfEnded
        }
    }

    /// How the task, which must have ended, did so.
    var resultOfEnded: Result<Success, Failure> {
        do {
            return .success(try spawned.value)
        } catch let error as Failure {
            return .failure(error)
        } catch {
            preconditionFailure("a task that cannot fail has failed: \(error)")
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
            await spawned.waitForEnd()
            return try spawned.value
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
            await spawned.waitForEnd()
            return spawned.valueOfInfallible
        }
    }
}
