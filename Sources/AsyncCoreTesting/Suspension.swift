// Whether a call suspends.
internal import AsyncCore

/// Runs `body` and says whether its task suspended meanwhile, so that others could run.
///
/// A call that could go on at once has not suspended, even if it awaited.
///
/// - Parameter body: What to do.
/// - Returns: How the body ended, and whether it suspended.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func observingSuspension<R>(
    of body: nonisolated(nonsending) () async throws -> R
) async -> (result: Result<R, any Error>, didSuspend: Bool) {
    guard let loop = EventLoop.current else {
        preconditionFailure("whether a call suspends is seen on an event loop only")
    }
    // What came before in this job, or a seed, may have left too little for an operation.
    loop.refillBudget()
    // A task that suspends goes on in another job.
    let before = loop.jobCount
    let result: Result<R, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    return (result, loop.jobCount != before)
}
