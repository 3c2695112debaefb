// Waiting, with a lock in hand, until another task has changed what the lock guards.

/// Lets a task that holds a lock wait until another one has changed something: asyncio's
/// `Condition`.
///
/// ```swift
/// try await condition.withLock {
///     try await condition.wait { !items.isEmpty }
///     return items.removeFirst()
/// }
/// ```
///
/// A wait gives up the lock, and has it again when it returns, also if it returns with an error. The
/// one who notifies holds the lock as well, so no change falls between the look and the wait. A task
/// that was notified waits for the lock, in line with all others: by then the condition may be false
/// again, so a wait stands in a loop, as in ``wait(until:)``. Several conditions may share a lock.
///
/// ## Isolation
/// *Any task*.
public final class AsyncCondition: Sendable {
    /// The lock that guards what is waited for.
    public let lock: AsyncLock

    /// Those who wait to be notified; guarded by the lock's monitor.
    private let queue = WaiterQueue<Void, Void>()

    /// A condition with a lock of its own, or with one that it shares.
    public init(lock: AsyncLock = AsyncLock()) { self.lock = lock }

    /// Waits for the lock, runs `body`, and unlocks, however the body ends.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: What ``AsyncLock/lock()`` and `body` throw.
    public nonisolated(nonsending) func withLock<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        try await lock.withLock(body)
    }

    /// Gives up the lock, waits to be notified, and takes the lock again.
    ///
    /// ## Cancellation
    /// *Loses its place*: a notification that the task has got goes to the next. The lock is taken
    /// again first, and nothing interrupts that: whoever waits holds the lock after it, always.
    ///
    /// - Throws: `CancellationError`; ``LockError`` if the task does not hold the lock.
    public nonisolated(nonsending) func wait() async throws {
        try lock.requireHeld()
        var failure: (any Error)?
        do {
            try await lock.monitor.wait("AsyncCondition.wait", (), hasLooked: true) {
                state, wakeups, place in
                queue.append(place)
                lock.handOver(&state, &wakeups)
                return nil
            }
        } catch {
            failure = error
        }
        // Cancelled before it began, the task never gave up the lock.
        if !lock.isHeldByCurrentTask { try await lock.relock("AsyncCondition.wait: the lock") }
        if let failure { throw failure }
        if TaskIdentity.isCurrentCancelled {
            wake(1)
            throw CancellationError()
        }
    }

    /// Waits until `isTrue` is: it is asked with the lock held, at first and after each
    /// notification.
    ///
    /// ## Cancellation
    /// As for ``wait()``.
    ///
    /// - Throws: What ``wait()`` and `isTrue` throw; the lock is held then, too.
    public nonisolated(nonsending) func wait(until isTrue: () throws -> Bool) async throws {
        try lock.requireHeld()
        while try !isTrue() { try await wait() }
    }

    /// Wakes those who have waited longest.
    ///
    /// - Parameter count: How many at most: 0 or more.
    /// - Throws: ``LockError`` if the task does not hold the lock.
    public func notify(_ count: Int = 1) throws(LockError) {
        precondition(count >= 0, "\(count) is no number of tasks to notify")
        try lock.requireHeld()
        wake(count)
    }

    /// Wakes all who wait.
    ///
    /// - Throws: ``LockError`` if the task does not hold the lock.
    public func notifyAll() throws(LockError) { try notify(.max) }

    /// Wakes, whoever holds the lock.
    func wake(_ count: Int) {
        lock.monitor.withLock { _, wakeups in
            var left = count
            while left > 0, queue.grantFirst((), &wakeups) { left -= 1 }
        }
    }

    /// How a condition stands.
    public struct Statistics: Sendable, Equatable {
        /// Tasks that wait to be notified; those who wait for the lock are not among them.
        public var waiting: Int
    }

    /// How the condition stands now.
    public var statistics: Statistics {
        lock.monitor.withLock { _ in Statistics(waiting: queue.count) }
    }
}
