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
public nonisolated(nonsending) func sleep(for duration: Duration) async throws {
    guard let core = LoopCore.current(for: "sleep(for:)", in: #isolation) else {
        if duration <= .zero { return try await yield() }
        return try await Task.sleep(for: duration)
    }
    try await core.sleep(until: core.deadline(after: duration), isDue: duration <= .zero)
}

/// Suspends the task until `deadline`; one in the past lets every other ready task run once.
///
/// ## Cancellation
/// Ends the sleep at once, with `CancellationError`.
///
/// - Throws: `CancellationError`; ``EventLoopError/stopped`` when the loop ends.
public nonisolated(nonsending) func sleep(until deadline: ContinuousClock.Instant) async throws {
    guard let core = LoopCore.current(for: "sleep(until:)", in: #isolation) else {
        return try await sleep(for: ContinuousClock.now.duration(to: deadline))
    }
    try await core.sleep(until: core.deadline(at: deadline))
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
