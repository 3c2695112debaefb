// A value, and the lock that guards it.

/// A value that one task at a time can use, across awaits.
///
/// Like `Synchronization.Mutex`, but a task that must wait for it suspends, and whoever holds it may
/// `await`. First come, first served, as ``AsyncLock`` is.
///
/// ```swift
/// let connection = AsyncMutex(try await connect())
/// try await connection.withLock { connection in try await connection.send(request) }
/// ```
///
/// ## Isolation
/// *Any task*.
public final class AsyncMutex<Value: ~Copyable>: @unchecked Sendable {
    // SAFETY: `value` is used by the task alone that holds `lock`; it came here, and its parts leave
    // again, as `sending`.
    let lock = AsyncLock()
    private var value: Value

    /// A mutex around a value.
    public init(_ value: consuming sending Value) { self.value = value }

    /// Waits until nobody uses the value, and runs `body` with it.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: `CancellationError`; ``LockError/alreadyOwner`` if called from a `body` of the same
    ///   mutex; what `body` throws.
    public nonisolated(nonsending) func withLock<R>(
        _ body: nonisolated(nonsending) (inout sending Value) async throws -> sending R
    ) async throws -> sending R {
        try await lock.lock()
        defer { try? lock.unlock() }
        return try await body(&value)
    }

    /// Runs `body` with the value if nobody uses it now.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Returns: What `body` returns; nil if it was not run.
    /// - Throws: ``LockError/alreadyOwner`` if called from a `body` of the same mutex; what `body`
    ///   throws.
    public nonisolated(nonsending) func withLockIfAvailable<R>(
        _ body: nonisolated(nonsending) (inout sending Value) async throws -> sending R
    ) async throws -> sending R? {
        guard try lock.tryLock() else { return nil }
        defer { try? lock.unlock() }
        return try await body(&value)
    }

    /// How the mutex stands now.
    public var statistics: AsyncLock.Statistics { lock.statistics }
}
