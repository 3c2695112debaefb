// Many seeds within one test.
internal import AsyncCore

/// Runs `body` under many seeds, each on a new loop on virtual time, and stops at the first that
/// fails.
///
/// The seed chooses the order in which ready tasks run, so one body is tried under as many
/// interleavings. A body fails if it throws, if an expectation of Swift Testing fails in it, if its
/// tasks run dry, or if a task's error is not looked at. The failure names the seed;
/// `ASYNCCORE_SEED=17 swift test --filter …` runs that seed alone, in the same order.
/// `ASYNCCORE_SEEDS=20000` runs under that many.
///
/// ```swift
/// try await withSeeds { seed in
///     let lock = try AsyncSemaphore(1)
///     try await gather([1, 2, 3]) { _ in try await lock.withPermit { try await yield() } }
/// }
/// ```
///
/// ## Cancellation
/// Cancels the body that runs, and waits for it.
///
/// - Parameters:
///   - count: How many seeds; 1,000 by default.
///   - options: How each run is set up; its seed is not used.
///   - body: Runs under each seed, which it is given; for instance for a ``SeededGenerator``.
/// - Throws: ``SeedFailure``; `CancellationError`.
public nonisolated(nonsending) func withSeeds(
    _ count: Int = 1_000, options: VirtualTime.Options = .init(),
    _ body: @escaping @Sendable (_ seed: UInt64) async throws -> Void
) async throws {
    let run = SeedRun(seeds: Seeds.chosen(count), options: options, body: body)
    try await observingIssues(of: run) {
        try await onOwnThread {
            run.cancel()
        } do: {
            try run.run()
        }
    }
}
