// A value that several tasks read, or one writes.

/// A value that several tasks may read at once, or one may change, across awaits.
///
/// First come, first served: those who come after a waiting writer wait behind it, readers too, so
/// no writer starves. Worth its cost where readers hold the value across an `await`; for short
/// looks an ``AsyncMutex`` is enough.
///
/// ```swift
/// let table = AsyncRWLock([String: Route]())
/// let route = try await table.withReadLock { $0[path] }
/// try await table.withWriteLock { $0[path] = try await makeRoute(path) }
/// ```
///
/// A task that reads must not ask again before it is done: with a writer in line between its two
/// questions it would wait for itself.
///
/// ## Cancellation
/// *Loses its place*, and those behind it may go on; what it was just handed goes to the next.
///
/// ## Isolation
/// *Any task*; knows no loop.
public final class AsyncRWLock<Value: Sendable>: @unchecked Sendable {
    // SAFETY: `value` is changed by the task alone that has write access, and read by those that
    // have read access; `access` gives one or the other.
    private var value: Value
    let access: ReadWriteAccess

    /// A lock around a value.
    public init(_ value: Value) {
        self.value = value
        access = ReadWriteAccess(maximumReaders: ReadWriteAccess.mostReaders)
    }

    /// A lock around a value that lets only so many tasks read at once: 1 or more.
    ///
    /// - Throws: ``LockError/readersBelowOne(_:)``.
    public init(_ value: Value, maximumReaders: Int) throws(LockError) {
        if maximumReaders < 1 { throw .readersBelowOne(maximumReaders) }
        self.value = value
        access = ReadWriteAccess(
            maximumReaders: min(UInt(maximumReaders), ReadWriteAccess.mostReaders))
    }

    /// Waits until nobody writes, and runs `body` with the value.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: `CancellationError`; ``LockError/alreadyOwner`` if the task is writing; what `body`
    ///   throws.
    public nonisolated(nonsending) func withReadLock<R>(
        _ body: nonisolated(nonsending) (Value) async throws -> R
    ) async throws -> R {
        try await access.acquire(.read)
        defer { access.release(.read) }
        return try await body(value)
    }

    /// Waits until nobody reads or writes, and runs `body` with the value.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: `CancellationError`; ``LockError/alreadyOwner`` if the task is writing; what `body`
    ///   throws.
    public nonisolated(nonsending) func withWriteLock<R>(
        _ body: nonisolated(nonsending) (inout Value) async throws -> R
    ) async throws -> R {
        try await access.acquire(.write)
        defer { access.release(.write) }
        return try await body(&value)
    }

    /// Runs `body` with the value if nobody writes or waits.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Returns: What `body` returns; nil if it was not run.
    /// - Throws: ``LockError/alreadyOwner`` if the task is writing; what `body` throws.
    public nonisolated(nonsending) func withReadLockIfAvailable<R>(
        _ body: nonisolated(nonsending) (Value) async throws -> R
    ) async throws -> R? {
        guard try access.tryAcquire(.read) else { return nil }
        defer { access.release(.read) }
        return try await body(value)
    }

    /// Runs `body` with the value if nobody reads, writes or waits.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Returns: What `body` returns; nil if it was not run.
    /// - Throws: ``LockError/alreadyOwner`` if the task is writing; what `body` throws.
    public nonisolated(nonsending) func withWriteLockIfAvailable<R>(
        _ body: nonisolated(nonsending) (inout Value) async throws -> R
    ) async throws -> R? {
        guard try access.tryAcquire(.write) else { return nil }
        defer { access.release(.write) }
        return try await body(&value)
    }

    /// How a lock for readers and writers stands.
    public struct Statistics: Sendable, Equatable {
        /// Tasks that read.
        public var readers: Int
        /// Whether a task writes.
        public var isWriting: Bool
        /// Tasks that wait, to read or to write.
        public var waiting: Int
        /// How often a task had to wait.
        public var waited: UInt64
    }

    /// How the lock stands now.
    public var statistics: Statistics {
        let (holders, waiting, waited) = access.statistics
        return Statistics(
            readers: holders.readers, isWriting: holders.writer != 0, waiting: waiting,
            waited: waited)
    }
}
