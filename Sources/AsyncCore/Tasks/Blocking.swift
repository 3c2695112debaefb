// Synchronous work off the loop.

/// Runs synchronous work that blocks on a thread of its own, and awaits it: asyncio's `to_thread`.
///
/// The loop goes on meanwhile. The work sees the caller's task-local values; it is on no loop and
/// in no actor. When the caller's loop stops while the work runs, the loop waits for it, as it does
/// for each of its tasks.
///
/// ```swift
/// let text = try await blocking { try String(contentsOfFile: path) }
/// ```
///
/// ## Cancellation
/// While it waits for a thread: *loses its place*, and the work does not run. Then nothing is
/// interrupted: the call waits for the work, and returns its value. With `abandonOnCancel` it
/// throws at once; the work runs on, keeps its thread, and its value is dropped (an error goes to
/// ``EventLoop/Configuration/onUnhandledError``).
///
/// - Parameters:
///   - pool: The threads.
///   - name: For diagnosis.
///   - abandonOnCancel: Whether a cancellation leaves the work to itself.
///   - body: The work.
/// - Returns: The work's value.
/// - Throws: The work's error; `CancellationError`; ``BlockingError/full(waiting:)`` or
///   ``BlockingError/closed``; ``IOError`` if the system gives no thread at all.
public nonisolated(nonsending) func blocking<R: Sendable>(
    on pool: BlockingPool = .shared, name: String? = nil, abandonOnCancel: Bool = false,
    _ body: sending @escaping () throws -> R
) async throws -> R {
    try await pool.run(name: name, abandonOnCancel: abandonOnCancel) { _ in try body() }
}

/// Runs synchronous work that asks whether it is cancelled, or calls back into the loop.
///
/// ```swift
/// try await blocking { context in
///     for file in files {
///         try context.checkCancelled()
///         let entry = try index(file)
///         try context.run { try await store(entry) }  // on the caller's loop
///     }
/// }
/// ```
/// In other respects it is the form without a context.
///
/// ## Cancellation
/// While it waits for a thread: *loses its place*, and the work does not run. Then the work is told
/// (``BlockingContext/isCancelled``), and awaited; with `abandonOnCancel` the call throws at once.
///
/// - Parameters:
///   - pool: The threads.
///   - name: For diagnosis.
///   - abandonOnCancel: Whether a cancellation leaves the work to itself.
///   - body: The work.
/// - Returns: The work's value.
/// - Throws: The work's error; `CancellationError`; ``BlockingError/full(waiting:)`` or
///   ``BlockingError/closed``; ``IOError`` if the system gives no thread at all.
public nonisolated(nonsending) func blocking<R: Sendable>(
    on pool: BlockingPool = .shared, name: String? = nil, abandonOnCancel: Bool = false,
    _ body: sending @escaping (BlockingContext) throws -> R
) async throws -> R {
    try await pool.run(name: name, abandonOnCancel: abandonOnCancel, body)
}
