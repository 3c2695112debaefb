import Glibc
import Testing

import AsyncCore

/// Runs an async body on a loop of its own on a thread of its own, and returns its value: the usual frame of a test.
///
/// Checks afterwards that the loop has given everything back: no watched descriptor, no armed timer, no live task.
public func onLoop<R: Sendable>(
    configuration: EventLoop.Configuration = .quiet,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    try await onThread {
        let loop = try EventLoop(configuration: configuration)
        let result = Result { try loop.runMain(body) }
        let left = loop.statistics
        #expect(left.watchedDescriptors == 0, "descriptors left", sourceLocation: sourceLocation)
        #expect(left.armedTimers == 0, "timers left", sourceLocation: sourceLocation)
        #expect(left.liveTasks == 0, "tasks left", sourceLocation: sourceLocation)
        return try result.get()
    }
}

/// Runs synchronous code on a thread of its own, so that it may block, and run loops.
public func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    // No continuation of this task's: it must not go on when it is cancelled, and ThreadSanitizer cannot see
    // that it goes on because of the thread if that is done before the task has suspended; hence the lock.
    let result = Recorder<Result<R, any Error>>()
    let (end, sender) = AsyncStream.makeStream(of: Void.self)
    try CurrentThread.start(name: "test") {
        result.append(Result { try body() })
        sender.finish()
    }
    await Task { for await _ in end {} }.value
    return try result.elements[0].get()
}

extension EventLoop.Configuration {
    /// Handles no signals, and records errors that nobody looked at as issues.
    public static var quiet: Self {
        var configuration = Self()
        configuration.interruptSignals = []
        configuration.onUnhandledError = { error, task in
            Issue.record("unhandled error of task \(task ?? "without a name"): \(error)")
        }
        return configuration
    }
}

/// Lets the loop run until nothing is ready but what waits: `turns` turns with everybody else's jobs in them.
///
/// Deterministic as long as what is expected needs fewer hand-overs than `turns`.
public func settle(_ turns: Int = 20) async throws {
    for _ in 0..<turns { try await yield() }
}
