// Waiting for time.

/// Suspends the task for at least `duration`: asyncio's `sleep`.
///
/// On a loop the timer is the loop's own and goes away when the sleep is cancelled; elsewhere it is
/// `Task.sleep`. A duration of zero or less lets every other ready task run once. An enormous one
/// never ends by itself. Measured on the monotonic clock, which stands still while the machine is
/// suspended.
///
/// ## Cancellation
/// Ends the sleep at once, with `CancellationError`.
///
/// - Throws: `CancellationError`; ``EventLoopError/stopped`` when the loop ends.
@inlinable @inline(__always)
public nonisolated(nonsending) func sleep(for duration: Duration) async throws {
    let waiter = try Sleep.begin(for: duration, #isolation)
    if waiter == 0 { return try await Sleep.otherwise(for: duration) }
    await parkTask(waiter)
    try Sleep.end(waiter)
}

/// Suspends the task until `deadline`; one in the past lets every other ready task run once.
///
/// ## Cancellation
/// Ends the sleep at once, with `CancellationError`.
///
/// - Throws: `CancellationError`; ``EventLoopError/stopped`` when the loop ends.
@inlinable @inline(__always)
public nonisolated(nonsending) func sleep(until deadline: ContinuousClock.Instant) async throws {
    let waiter = try Sleep.begin(until: deadline, #isolation)
    if waiter == 0 { return try await Sleep.otherwise(until: deadline) }
    await parkTask(waiter)
    try Sleep.end(waiter)
}

/// The parts of a sleep: inlined into the caller, which parks its own task, it needs no frame on its
/// stack.
@usableFromInline
enum Sleep {
    /// What to park the calling task with; 0 if it must sleep otherwise.
    @usableFromInline
    static func begin(for duration: Duration, _ isolation: (any Actor)?) throws -> UInt {
        if duration <= .zero { return 0 }
        return try begin(isolation) { $0.deadline(after: duration) }
    }

    @usableFromInline
    static func begin(
        until deadline: ContinuousClock.Instant, _ isolation: (any Actor)?
    ) throws -> UInt {
        try begin(isolation) {
            let deadline = $0.deadline(at: deadline)
            return deadline <= $0.poller.now ? nil : deadline
        }
    }

    /// `deadline` is nil if it has passed.
    @inline(__always)
    private static func begin(
        _ isolation: (any Actor)?, _ deadline: (LoopCore) -> UInt64?
    ) throws -> UInt {
        // In an actor the thread's loop may have nothing to do with the task.
        if isolation != nil { return 0 }
        return try CurrentThread.withCurrent(as: LoopCore.self) { core in
            // The cheapest question comes first.
            guard let wait = StandingWait("sleep", on: core, Caller(nil)) else { return 0 }
            try core.checkOperation()
            guard let deadline = deadline(core) else { return 0 }
            core.beginSleep(wait, until: deadline)
            return wait.address
        } ?? 0
    }

    /// To be called when the task goes on: it does so on its loop, or where late jobs run.
    @usableFromInline
    static func end(_ waiter: UInt) throws {
        let isOver: Void? = try CurrentThread.withCurrent(as: LoopCore.self) {
            try $0.endSleep(StandingWait(waiter))
        }
        precondition(isOver != nil, "a task that slept on a loop goes on elsewhere")
    }

    @usableFromInline @inline(never)
    static nonisolated(nonsending) func otherwise(for duration: Duration) async throws {
        guard let core = LoopCore.current(for: "sleep(for:)", in: #isolation) else {
            if duration <= .zero { return try await yield() }
            return try await Task.sleep(for: duration)
        }
        try await core.sleep(until: core.deadline(after: duration), isDue: duration <= .zero)
    }

    @usableFromInline @inline(never)
    static nonisolated(nonsending) func otherwise(
        until deadline: ContinuousClock.Instant
    ) async throws {
        guard let core = LoopCore.current(for: "sleep(until:)", in: #isolation) else {
            return try await otherwise(for: ContinuousClock.now.duration(to: deadline))
        }
        try await core.sleep(until: core.deadline(at: deadline))
    }
}

/// Lets every other ready task run, and the loop look at the kernel, before the task goes on:
/// asyncio's `sleep(0)`.
///
/// ## Cancellation
/// Looked at before and after.
///
/// - Throws: `CancellationError`; ``EventLoopError/stopped`` on a loop that has ended.
public nonisolated(nonsending) func yield() async throws {
    guard let core = LoopCore.current(for: "yield()", in: #isolation) else {
        try Task.checkCancellation()
        await Task.yield()
        return try Task.checkCancellation()
    }
    try core.checkOperation()
    await core.yield()
    try core.checkOperation()
}
