import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// Runs `body` on a loop whose clock is a fake: time stands still while anything is ready, and
/// jumps to the next deadline when nothing is. Nothing from other threads may be needed.
@discardableResult
func onFakeClock<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
    try await onThread {
        script_reset()
        script_set_clock(1_000_000_000)
        defer { script_reset() }
        var configuration = EventLoop.Configuration.quiet
        configuration.systemCalls = SystemCalls(table: script_sys())
        let loop = try EventLoop(configuration: configuration)
        let result = Result { try loop.runMain(body) }
        #expect(loop.statistics.armedTimers == 0, "timers left")
        #expect(loop.statistics.liveTasks == 0, "tasks left")
        return try result.get()
    }
}

/// The fake time, in seconds since the beginning of the test. On a loop with a fake clock only.
func fakeNow() -> Double { Double(LoopCore.current!.poller.now) / 1e9 - 1 }

/// Timers of the current loop that are armed.
func armedTimers() -> Int { LoopCore.current!.poller.timerCount }

/// A test's own error.
struct Failure: Error, Equatable {
    var number = 0
}
