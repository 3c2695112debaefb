// What all races share: contenders on one loop, a winner, and losers that are cancelled and
// awaited.

/// Contenders, and the first of them that won.
///
/// Loop thread only. The winner is decided in the last step of a contender, which also cancels the
/// others: on one thread nobody comes in between, so a contender that is ready but has not run yet
/// sees the cancellation before it takes anything.
final class RaceTrack<Success: Sendable>: @unchecked Sendable {
    // SAFETY: touched on the loop's thread only: by the contenders, and by the task that races
    // them.
    private let core: LoopCore
    private let rule: RaceRule
    private var contenders: [TaskHandle<Void, Never>] = []
    private var errors: [(any Error)?]
    private var lastStarted = 0
    private var waiter: Waiter?  // of the one that waits for the last contender to fail

    /// How the winner ended.
    private(set) var outcome: Result<Success, any Error>?

    init(_ core: LoopCore, _ rule: RaceRule, _ count: Int) {
        self.core = core
        self.rule = rule
        errors = Array(repeating: nil, count: count)
    }

    func start(_ number: Int, _ operation: @escaping @Sendable () async throws -> Success) {
        lastStarted = number
        contenders.append(
            core.spawn(name: nil) {
                do {
                    self.ended(number, .success(try await operation()))
                } catch {
                    self.ended(number, .failure(error))
                }
            })
    }

    private func ended(_ number: Int, _ result: Result<Success, any Error>) {
        if outcome == nil, isWin(result) {
            outcome = result
            cancelAll()
            waiter?.resolve(.completed)
        } else if case .failure(let error) = result {
            errors[number] = error
            if number == lastStarted { waiter?.resolve(.completed) }
        }
    }

    private func isWin(_ result: Result<Success, any Error>) -> Bool {
        switch (result, rule) {
        case (.success, _): true
        case (.failure, .firstValue): false
        // One that was cancelled from outside gave up; a value may still come from another.
        case (.failure(let error), .firstEnd):
            !(error is CancellationError && TaskIdentity.isCurrentCancelled)
        }
    }

    func cancelAll() { for contender in contenders { contender.cancel() } }

    /// Waits until the contender that was started last has failed, somebody has won, or the
    /// deadline has passed.
    nonisolated(nonsending) func waitForFailure(until deadline: UInt64) async -> Waiter.Outcome {
        if outcome != nil || errors[lastStarted] != nil { return .completed }
        let waiter = core.makeWaiter()
        guard waiter.begin("staggeredRace") else { return .cancelled }
        self.waiter = waiter
        let outcome = await core.wait(waiter, until: deadline)
        self.waiter = nil
        core.recycle(waiter)
        return outcome
    }

    /// Waits until all contenders have ended, and says how the race did.
    nonisolated(nonsending) func finish() async throws -> Success {
        _ = await TaskJoin.all(contenders.map { $0.record }, stopAtFirstError: false)
        contenders = []
        if let outcome { return try outcome.get() }
        let failures = errors.compactMap(\.self)
        let gaveUp = failures.contains { $0 is CancellationError } || failures.count < errors.count
        if gaveUp, TaskIdentity.isCurrentCancelled { throw CancellationError() }
        if gaveUp, core.isStopping { throw EventLoopError.stopped }
        throw RaceError.allFailed(failures)
    }
}
