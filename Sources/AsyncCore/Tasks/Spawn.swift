// Starting tasks on the loop that runs the caller.

/// Starts a task on the loop that runs the calling code: asyncio's `create_task`.
///
/// The loop keeps the task alive, and cancels and awaits it at the loop's end. See
/// `EventLoop.spawn` for what the task inherits, and for
/// callers that are not on a loop.
///
/// - Parameters:
///   - name: For diagnosis.
///   - operation: What the task does.
/// - Returns: A handle to await, or to cancel, the task.
/// - Precondition: The caller runs on an event loop.
@inlinable @discardableResult
public func spawn<Success: Sendable>(
    name: String? = nil, _ operation: sending @escaping () async throws -> Success
) -> TaskHandle<Success, any Error> {
    currentCore("spawn").spawn(name: name, operation)
}

/// Starts a task that cannot fail on the loop that runs the calling code.
///
/// See the form that can fail.
///
/// - Parameters:
///   - name: For diagnosis.
///   - operation: What the task does.
/// - Returns: A handle to await, or to cancel, the task.
/// - Precondition: The caller runs on an event loop.
@inlinable @discardableResult
public func spawn<Success: Sendable>(
    name: String? = nil, _ operation: sending @escaping () async -> Success
) -> TaskHandle<Success, Never> {
    currentCore("spawn").spawn(name: name, operation)
}

/// The loop that runs the caller, or whose task the caller is: in an actor the two may differ.
///
/// Code that has none has no loop to spawn on: a bug of the program.
@usableFromInline
func currentCore(_ function: StaticString) -> LoopCore {
    if let core = LoopCore.current ?? LoopCore.ofTask { return core }
    noCore(function)
}

/// The same for operations that wait.
func currentCore(_ function: StaticString, in isolation: (any Actor)?) -> LoopCore {
    if let core = LoopCore.ofCaller(function, in: isolation) { return core }
    noCore(function)
}

private func noCore(_ function: StaticString) -> Never {
    LoopOrigin.noteLeft(function)
    preconditionFailure(
        "\(function) was called outside of an event loop; use it inside EventLoop.run, or a loop's own method"
    )
}
