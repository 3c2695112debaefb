import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// Where the fake clock starts: a second after the machine did.
let startOfTime: UInt64 = 1_000_000_000

/// As `onLoop`, with system calls that the test scripts from within the body: the script belongs to
/// the loop's thread.
func onScriptedLoop<R: Sendable>(
    configuration: EventLoop.Configuration = .quiet,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    try await onThread { try runScripted(configuration, body) }
}

/// As `onScriptedLoop`, on a fake clock: it stands still but for what the test adds to it, and when
/// there is nothing to do but to wait: then it jumps to the earliest deadline.
func onFakeClock<R: Sendable>(
    configuration: EventLoop.Configuration = .quiet,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    try await onThread {
        script_reset()
        script_set_clock(startOfTime)
        return try runScripted(configuration, body)
    }
}

/// Runs on the calling thread, and checks that everything was given back.
private func runScripted<R: Sendable>(
    _ configuration: EventLoop.Configuration, _ body: @escaping @Sendable () async throws -> R
) throws -> R {
    var configuration = configuration
    configuration.systemCalls = SystemCalls(table: script_sys())
    let loop = try EventLoop(configuration: configuration)
    let result = Result { try loop.runMain(body) }
    let left = loop.statistics
    #expect(left.watchedDescriptors == 0, "descriptors left")
    #expect(left.armedTimers == 0, "timers left")
    #expect(left.liveTasks == 0, "tasks left")
    return try result.get()
}

/// The loop that runs the test.
var currentLoop: EventLoop { EventLoop.current! }

/// Time on the loop's clock since `startOfTime`, in milliseconds.
var fakeMilliseconds: UInt64 { (currentLoop.nowNanoseconds - startOfTime) / 1_000_000 }

/// Lets fake time go by while the running job works.
func advanceFakeClock(milliseconds: UInt64) {
    script_set_clock(currentLoop.nowNanoseconds + milliseconds * 1_000_000)
}

/// A task on the current loop that the loop knows nothing of: its end does not cancel it.
@discardableResult
func startUnknownTask<R: Sendable>(
    _ body: @escaping @Sendable () async throws -> R
) -> Task<R, any Error> {
    Task(executorPreference: currentLoop.taskExecutor) { try await body() }
}
