// Mutual exclusion between tasks, across awaits.

/// A lock that tasks hold while they wait for other things: asyncio's `Lock`.
///
/// First come, first served: an unlocking task hands the lock to the first of those who wait, from
/// that moment, so nobody can overtake. Knows no loop: it can be made anywhere, and used from
/// several loops and threads; each task resumes where it belongs.
///
/// Prefer ``withLock(_:)``, or an ``AsyncMutex`` around the value that is guarded. Between one
/// `await` and the next, tasks of one loop do not run in parallel: a section without an `await` in
/// it needs no lock.
///
/// The lock belongs to the task that locked it, which alone can unlock it. The body of
/// `withTimeout`, a child task and a spawned task are tasks of their own. A task that ends
/// and has not unlocked leaves all others waiting, which ``withLock(_:)`` cannot do.
///
/// ## Cancellation
/// *Loses its place*: a task that is cancelled while it waits leaves the queue, and a lock that it
/// was just handed goes to the next.
///
/// ## Isolation
/// *Any task*.
public final class AsyncLock: Sendable {
    struct State: Sendable {
        var waited: UInt64 = 0
        /// Waits for the lock; each tells which task it is.
        let queue = WaiterQueue<TaskIdentity, Void>()
    }

    /// The number of the task that holds the lock; 0 if it is free.
    ///
    /// Not its address, which another task may have later: a holder may end without unlocking.
    private let owner = FastWord(0)
    /// Guards the queue, and those of the lock's conditions.
    let monitor = Monitor(State())

    /// A lock that nobody holds.
    public init() {}

    /// Waits for the lock.
    ///
    /// ## Cancellation
    /// *Loses its place*; the lock is not held then.
    ///
    /// - Throws: `CancellationError`; ``LockError/alreadyOwner`` if the task holds the lock.
    public nonisolated(nonsending) func lock() async throws {
        if lockAtOnce() { return }
        let task = TaskIdentity.running
        try await monitor.wait("AsyncLock.lock", task, hasLooked: true) { state, _, place in
            try take(task, &state, place)
        }
        // Cancelled after the hand-over, before it ran: the lock goes on.
        if task.isCancelled {
            monitor.withLock { state, wakeups in handOver(&state, &wakeups) }
            throw CancellationError()
        }
    }

    /// Takes the lock if that needs no waiting.
    ///
    /// - Returns: False if another task holds the lock.
    /// - Throws: ``LockError/alreadyOwner`` if the calling task holds it; ``LockError/noTask``
    ///   outside of tasks.
    public func tryLock() throws(LockError) -> Bool {
        guard let task = TaskIdentity.current else { throw .noTask }
        if takeFree(task) { return true }
        return try monitor.withLock { state throws(LockError) in
            try take(task, &state, nil) != nil
        }
    }

    /// Gives the lock to the first of those who wait, or makes it free.
    ///
    /// - Throws: ``LockError/notOwner`` if another task holds the lock, and ``LockError/notLocked``
    ///   if nobody does. Then nothing has changed.
    public func unlock() throws(LockError) {
        let task = TaskIdentity.current?.ownerNumber ?? 0
        if task != 0, owner.tryChange({ $0 == task ? 0 : nil }) { return }
        try requireHeld()
        monitor.withLock { state, wakeups in handOver(&state, &wakeups) }
    }

    /// Waits for the lock, runs `body`, and unlocks, however the body ends.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: What ``lock()`` and `body` throw.
    public nonisolated(nonsending) func withLock<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        if !lockAtOnce() { try await lock() }
        defer { if isHeldByCurrentTask { try? unlock() } }
        return try await body()
    }

    /// Whether the calling task holds the lock.
    public var isHeldByCurrentTask: Bool {
        guard let task = TaskIdentity.current else { return false }
        return owner.value == task.ownerNumber
    }

    /// Throws if the calling task does not hold the lock.
    func requireHeld() throws(LockError) {
        // Nobody but the task itself makes it the holder, or takes that away, while it runs.
        let holder = owner.value
        if holder == 0 { throw .notLocked }
        if holder != TaskIdentity.current?.ownerNumber { throw .notOwner }
    }

    /// Waits for the lock again, whatever happens meanwhile.
    nonisolated(nonsending) func relock(_ description: StaticString) async throws {
        let task = TaskIdentity.running
        try await monitor.waitUninterrupted(description, task) { state, _, place in
            try take(task, &state, place)
        }
    }

    // MARK: - Without the monitor's lock

    @inline(__always)
    private func lockAtOnce() -> Bool {
        guard let task = LoopCore.unhinderedTask else { return false }
        return takeFree(task)
    }

    @inline(__always)
    private func takeFree(_ task: TaskIdentity) -> Bool {
        owner.tryChange { $0 == 0 ? task.ownerNumber : nil }
    }

    // MARK: - Under the monitor's lock

    private func take(
        _ task: TaskIdentity, _ state: inout State, _ place: WaiterQueue<TaskIdentity, Void>.Place?
    ) throws(LockError) -> Void? {
        var holder = owner.shut()
        defer { owner.put(holder, staysShut: !state.queue.isEmpty) }
        if holder == task.ownerNumber { throw .alreadyOwner }
        if holder == 0 {
            holder = task.ownerNumber
            return ()
        }
        if let place {
            state.waited &+= 1
            state.queue.append(place)
        }
        return nil
    }

    /// Takes the lock from the task that holds it, and gives it to the first that still waits.
    func handOver(_ state: inout State, _ wakeups: inout Wakeups) {
        var next: UInt = 0
        while next == 0, let first = state.queue.popFirst() {
            let task = first.request
            if wakeups.grant(first, ()) { next = task.ownerNumber }
        }
        _ = owner.shut()
        owner.put(next, staysShut: !state.queue.isEmpty)
    }

    // MARK: - Diagnosis

    /// The number of the task that holds the lock; 0 if none does.
    var holder: UInt { owner.value }

    /// How a lock stands.
    public struct Statistics: Sendable, Equatable {
        /// Whether a task holds the lock.
        public var isLocked: Bool
        /// Tasks that wait.
        public var waiting: Int
        /// How often a task had to wait.
        public var waited: UInt64
    }

    /// How the lock stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                isLocked: owner.value != 0, waiting: state.queue.count, waited: state.waited)
        }
    }
}
