// `gather` for operations that are written in place.
//
// A parameter pack would do for any number of them. But while the form for tasks is a pack as well,
// the compiler does not infer of closures for a pack that they are `@Sendable`; a module without
// the upcoming feature NonisolatedNonsendingByDefault then rejects them. Hence a form for each of
// the usual numbers.

/// Runs two operations concurrently on the current loop, and returns their values in order.
///
/// ```swift
/// let (user, orders) = try await gather({ try await loadUser() }, { try await loadOrders() })
/// ```
///
/// As the form for tasks: the first error cancels the others, which are awaited.
///
/// ## Cancellation
/// Cancels the operations, and waits for them. If all of them have ended well, their values are
/// returned all the same.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<First: Sendable, Second: Sendable>(
    _ first: @escaping @Sendable () async throws -> First,
    _ second: @escaping @Sendable () async throws -> Second
) async throws -> (First, Second) {
    try await run(first, second)
}

/// Runs three operations concurrently on the current loop, and returns their values in order.
///
/// As the form for two.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
///   - third: Another.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<First: Sendable, Second: Sendable, Third: Sendable>(
    _ first: @escaping @Sendable () async throws -> First,
    _ second: @escaping @Sendable () async throws -> Second,
    _ third: @escaping @Sendable () async throws -> Third
) async throws -> (First, Second, Third) {
    try await run(first, second, third)
}

/// Runs four operations concurrently on the current loop, and returns their values in order.
///
/// As the form for two.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
///   - third: Another.
///   - fourth: Another.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<
    First: Sendable, Second: Sendable, Third: Sendable, Fourth: Sendable
>(
    _ first: @escaping @Sendable () async throws -> First,
    _ second: @escaping @Sendable () async throws -> Second,
    _ third: @escaping @Sendable () async throws -> Third,
    _ fourth: @escaping @Sendable () async throws -> Fourth
) async throws -> (First, Second, Third, Fourth) {
    try await run(first, second, third, fourth)
}

/// Runs five operations concurrently on the current loop, and returns their values in order.
///
/// As the form for two.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
///   - third: Another.
///   - fourth: Another.
///   - fifth: Another.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<
    First: Sendable, Second: Sendable, Third: Sendable, Fourth: Sendable, Fifth: Sendable
>(
    _ first: @escaping @Sendable () async throws -> First,
    _ second: @escaping @Sendable () async throws -> Second,
    _ third: @escaping @Sendable () async throws -> Third,
    _ fourth: @escaping @Sendable () async throws -> Fourth,
    _ fifth: @escaping @Sendable () async throws -> Fifth
) async throws -> (First, Second, Third, Fourth, Fifth) {
    try await run(first, second, third, fourth, fifth)
}

/// Runs six operations concurrently on the current loop, and returns their values in order.
///
/// As the form for two.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
///   - third: Another.
///   - fourth: Another.
///   - fifth: Another.
///   - sixth: Another.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<
    First: Sendable, Second: Sendable, Third: Sendable, Fourth: Sendable, Fifth: Sendable,
    Sixth: Sendable
>(
    _ first: @escaping @Sendable () async throws -> First,
    _ second: @escaping @Sendable () async throws -> Second,
    _ third: @escaping @Sendable () async throws -> Third,
    _ fourth: @escaping @Sendable () async throws -> Fourth,
    _ fifth: @escaping @Sendable () async throws -> Fifth,
    _ sixth: @escaping @Sendable () async throws -> Sixth
) async throws -> (First, Second, Third, Fourth, Fifth, Sixth) {
    try await run(first, second, third, fourth, fifth, sixth)
}

/// Runs any number of operations concurrently on the current loop, and returns their values in
/// order.
///
/// As the form for two. Closures that are written in place may have to be marked here:
/// `{ @Sendable () async throws in … }`.
///
/// ## Cancellation
/// Cancels the operations, and waits for them.
///
/// - Parameter operation: What to do.
/// - Returns: The operations' values.
/// - Throws: The error that came first.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func gather<each Success: Sendable>(
    _ operation: repeat @escaping @Sendable () async throws -> each Success
) async throws -> (repeat each Success) {
    try await run(repeat each operation)
}

private nonisolated(nonsending) func run<each Success: Sendable>(
    _ operation: repeat @escaping @Sendable () async throws -> each Success
) async throws -> (repeat each Success) {
    let core = currentCore("gather", in: #isolation)
    let handles = (repeat core.spawn(name: nil, each operation))
    var tasks: [TaskRecord] = []
    repeat tasks.append((each handles).record)
    try await TaskJoin.values(tasks)
    return (repeat try (each handles).spawned.value)
}
