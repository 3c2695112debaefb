// Running a body on virtual time.
internal import AsyncCore

/// Runs an async body on a loop of its own on virtual time, and returns its value.
///
/// The loop has a thread of its own; the body keeps the caller's task-local values, so expectations
/// inside belong to the test that called. It ends as `EventLoop.run` does: tasks that still run are
/// cancelled and awaited. If every task waits, and nothing can wake one, the run does not hang: it
/// cancels them, and fails with ``RanDry``.
///
/// ```swift
/// try await withVirtualTime {
///     try await sleep(for: .seconds(3600))  // takes no time
///     #expect(VirtualTime.now == .seconds(3600))
/// }
/// ```
///
/// ## Cancellation
/// Cancels the body, and waits for it.
///
/// - Parameters:
///   - options: The seed of the order, and more.
///   - body: Runs on the loop, with everything that it awaits, spawns or groups.
/// - Returns: The body's value.
/// - Throws: The body's error; ``RanDry``; ``UnhandledTaskError``; `IOError` when there are too few
///   descriptors.
public nonisolated(nonsending) func withVirtualTime<R: Sendable>(
    _ options: VirtualTime.Options = .init(),
    _ body: sending @escaping () async throws -> R
) async throws -> R {
    let run = try VirtualRun(options)
    let body = OneShot(body)
    return try await onOwnThread {
        run.cancel()
    } do: {
        try run.run { try await body.run() }
    }
}

/// Carries a closure to the thread of its run.
private final class OneShot<R: Sendable>: @unchecked Sendable {
    // SAFETY: made by the caller, who gives the closure away; called once, on the loop.
    private let operation: () async throws -> R

    init(_ operation: sending @escaping () async throws -> R) { self.operation = operation }

    nonisolated(nonsending) func run() async throws -> R { try await operation() }
}
