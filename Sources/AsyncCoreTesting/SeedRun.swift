// One body under many seeds.
internal import AsyncCore

/// Runs a body under seeds, one after the other, until one fails.
///
/// ``run()`` once, on a thread that may block; the rest from any thread.
final class SeedRun: @unchecked Sendable {
    // SAFETY: `current` is guarded by `lock`; the rest is immutable.
    private let seeds: [UInt64]
    private let options: VirtualTime.Options
    private let body: @Sendable (UInt64) async throws -> Void

    private let lock = ThreadLock()
    private var current: (seed: UInt64, run: VirtualRun)?
    private var failures = 0

    init(
        seeds: [UInt64], options: VirtualTime.Options,
        body: @escaping @Sendable (UInt64) async throws -> Void
    ) {
        self.seeds = seeds
        self.options = options
        self.body = body
    }

    /// The seed that runs now.
    var seed: UInt64? { lock.withLock { current?.seed } }

    /// Somebody saw the running seed fail, though its body may go on.
    func noteFailure() { lock.withLock { failures += 1 } }

    func cancel() { lock.withLock { current?.run }?.cancel() }

    func run() throws {
        for seed in seeds {
            try Task.checkCancellation()
            try run(seed)
        }
    }

    private func run(_ seed: UInt64) throws {
        var options = options
        options.seed = seed
        let run = try VirtualRun(options)
        lock.withLock { current = (seed, run) }
        // A cancellation that came before is not seen by the run.
        try Task.checkCancellation()
        let result = Result { [body] in try run.run { try await body(seed) } }
        let failures = lock.withLock {
            current = nil
            return self.failures
        }
        if case .failure(let error) = result {
            if Task.isCancelled, error is CancellationError { throw error }
            throw SeedFailure(seed: seed, error: error)
        }
        if failures > 0 { throw SeedFailure(seed: seed, error: nil) }
    }
}
