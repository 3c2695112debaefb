// Attempts one after the other, the next before the last has ended: happy eyeballs, for anything.

/// Tries one input after the other, not waiting for too long between them, until one succeeds:
/// asyncio's staggered race.
///
/// The first attempt begins at once. The next begins when `delay` has passed since the one before
/// began, or that one has failed, whichever comes first. The first value wins: no further attempt
/// begins, and those under way are cancelled and awaited.
///
/// ## Cancellation
/// Cancels the attempts, and waits for them. If one ends with a value all the same, it is returned.
///
/// - Parameters:
///   - inputs: What to try, in order of preference; at least one.
///   - delay: How long to wait for an attempt before the next begins as well; zero or less starts
///     all at once, nil each only when the one before has failed.
///   - attempt: What to try with each.
/// - Returns: The first value.
/// - Throws: ``RaceError/allFailed(_:)`` with the errors in the order of the inputs, if all failed;
///   ``RaceError/noContenders``; `CancellationError`; ``EventLoopError/stopped`` when the loop
///   ends.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func staggeredRace<Input: Sendable, Success: Sendable>(
    _ inputs: some Sequence<Input>, delay: Duration?,
    _ attempt: @escaping @Sendable (Input) async throws -> Success
) async throws -> Success {
    let core = currentCore("staggeredRace", in: #isolation)
    let inputs = Array(inputs)
    if inputs.isEmpty { throw RaceError.noContenders }
    return try await core.perform { try await run(inputs, delay, attempt, on: core) }
}

private nonisolated(nonsending) func run<Input: Sendable, Success: Sendable>(
    _ inputs: [Input], _ delay: Duration?,
    _ attempt: @escaping @Sendable (Input) async throws -> Success, on core: LoopCore
) async throws -> Success {
    try core.checkOperation()
    let track = RaceTrack<Success>(core, .firstValue, inputs.count)
    for (number, input) in inputs.enumerated() {
        track.start(number) { try await attempt(input) }
        if number == inputs.count - 1 { break }
        if let delay, delay <= .zero { continue }
        let outcome = await track.waitForFailure(until: Monotonic.deadline(after: delay))
        if outcome != .completed { track.cancelAll() }
        if outcome != .completed || track.outcome != nil { break }
    }
    return try await track.finish()
}
