// All results, or the first error.

/// Waits for nothing: the result is empty.
public nonisolated(nonsending) func gather() async throws {}

/// Waits for tasks, and returns their values in the order of the arguments: asyncio's `gather`.
///
/// The first error cancels the other tasks; they are awaited before it is thrown, and their own
/// errors dropped. A task given twice runs once and yields its value in both places. Works from
/// anywhere, for tasks of any loops.
///
/// ## Cancellation
/// Cancels the tasks, and waits for them. If all of them have ended well, their values are returned
/// all the same.
///
/// - Parameter handle: The tasks.
/// - Returns: Their values.
/// - Throws: The error that came first.
public nonisolated(nonsending) func gather<each Success: Sendable, each Failure: Error>(
    _ handle: repeat TaskHandle<each Success, each Failure>
) async throws -> (repeat each Success) {
    var tasks: [TaskRecord] = []
    repeat tasks.append((each handle).record)
    try await TaskJoin.values(tasks)
    return (repeat try (each handle).spawned.value)
}

/// Waits for any number of tasks of one type, and returns their values in order.
///
/// As the form for a fixed number of tasks. No tasks give an empty array.
///
/// ## Cancellation
/// Cancels the tasks, and waits for them.
///
/// - Parameter handles: The tasks.
/// - Returns: Their values.
/// - Throws: The error that came first.
@inlinable @inline(__always)
public nonisolated(nonsending) func gather<Success: Sendable, Failure: Error>(
    _ handles: some Sequence<TaskHandle<Success, Failure>>
) async throws -> [Success] {
    let tasks = handles.map { $0.spawned }
    try await TaskJoin.values(tasks)
    return try tasks.map { try $0.value }
}

/// Runs `operation` for each input, concurrently on the current loop, and returns the values in the
/// order of the inputs.
///
/// The first error cancels the others, which are awaited; inputs not begun by then are never begun.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameters:
///   - inputs: What to work on. No inputs give an empty array.
///   - limit: How many operations run at the same time at most; 1 or more; nil for all at once.
///   - operation: What to do with each.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop, and `limit` is at least 1.
public nonisolated(nonsending) func gather<Input: Sendable, Success: Sendable>(
    _ inputs: some Sequence<Input>, limit: Int? = nil,
    _ operation: @escaping @Sendable (Input) async throws -> Success
) async throws -> [Success] {
    precondition(limit ?? 1 >= 1, "gather needs a limit of at least 1")
    let core = currentCore("gather", in: #isolation)
    let inputs = Array(inputs)
    if let limit, limit < inputs.count {
        return try await gatherLimited(inputs, limit, core, operation)
    }
    return try await gather(
        inputs.map { input in core.spawn(name: nil) { try await operation(input) } })
}

/// Waits for tasks, and returns how each ended.
///
/// Errors cancel nobody.
///
/// ## Cancellation
/// Cancels the tasks, and waits for them; their results say so.
///
/// - Parameter handle: The tasks.
/// - Returns: A value or an error for each.
public nonisolated(nonsending) func gatherResults<each Success: Sendable, each Failure: Error>(
    _ handle: repeat TaskHandle<each Success, each Failure>
) async -> (repeat Result<each Success, each Failure>) {
    var tasks: [TaskRecord] = []
    repeat tasks.append((each handle).record)
    _ = await TaskJoin.all(tasks, stopAtFirstError: false)
    return (repeat (each handle).resultOfEnded)
}

/// Waits for any number of tasks of one type, and returns how each ended.
///
/// Errors cancel nobody.
///
/// ## Cancellation
/// Cancels the tasks, and waits for them; their results say so.
///
/// - Parameter handles: The tasks.
/// - Returns: A value or an error for each.
public nonisolated(nonsending) func gatherResults<Success: Sendable, Failure: Error>(
    _ handles: some Sequence<TaskHandle<Success, Failure>>
) async -> [Result<Success, Failure>] {
    let handles = Array(handles)
    _ = await TaskJoin.all(handles.map { $0.record }, stopAtFirstError: false)
    return handles.map { $0.resultOfEnded }
}

/// `limit` workers, each of which takes the next input when it has finished one.
private nonisolated(nonsending) func gatherLimited<Input: Sendable, Success: Sendable>(
    _ inputs: [Input], _ limit: Int, _ core: LoopCore,
    _ operation: @escaping @Sendable (Input) async throws -> Success
) async throws -> [Success] {
    let work = SharedWork<Input, Success>(inputs)
    _ = try await gather(
        (0..<limit).map { _ in
            core.spawn(name: nil) {
                while let (index, input) = work.next() {
                    try Task.checkCancellation()
                    work.finish(index, with: try await operation(input))
                }
            }
        })
    return work.values
}

/// Inputs and values that workers of one loop share.
private final class SharedWork<Input: Sendable, Success: Sendable>: @unchecked Sendable {
    // SAFETY: guarded by `lock`.
    private let lock = ThreadLock()
    private let inputs: [Input]
    private var begun = 0
    private var finished: [Success?]

    init(_ inputs: [Input]) {
        self.inputs = inputs
        finished = Array(repeating: nil, count: inputs.count)
    }

    func next() -> (Int, Input)? {
        lock.withLock {
            guard begun < inputs.count else { return nil }
            defer { begun += 1 }
            return (begun, inputs[begun])
        }
    }

    func finish(_ index: Int, with value: Success) {
        lock.withLock { finished[index] = value }
    }

    /// Complete once all workers have ended well.
    var values: [Success] { lock.withLock { finished.compactMap { $0 } } }
}
