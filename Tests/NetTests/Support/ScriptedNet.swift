import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// As `onLoop`, with system calls that the body scripts and counts: the script belongs to the loop's
/// thread. Every descriptor that the body opened must be closed at its end.
func onScriptedLoop<R: Sendable>(
    _ calls: SystemCalls = SystemCalls(table: script_sys()),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    var configuration = EventLoop.Configuration.quiet
    configuration.systemCalls = calls
    return try await onLoop(configuration: configuration, sourceLocation: sourceLocation) {
        let before = script_open_descriptors()
        let result: Result<R, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        try await settle()
        #expect(
            script_open_descriptors() == before, "descriptors left open",
            sourceLocation: sourceLocation)
        return try result.get()
    }
}

extension SystemCalls {
    /// The scripted table with some of its entries replaced. It lives as long as the process.
    static func scripted(_ change: (inout cel_sys) -> Void) -> SystemCalls {
        let table = UnsafeMutablePointer<cel_sys>.allocate(capacity: 1)
        table.initialize(to: script_sys().pointee)
        change(&table.pointee)
        let calls = SystemCalls(table: table)
        keptTables.append(calls)
        return calls
    }
}

/// Tables that loops may use at any time, kept where a leak checker sees them.
private let keptTables = Recorder<SystemCalls>()

/// The loop that runs the test.
var currentLoop: EventLoop { EventLoop.current! }

/// A task on the current loop that the loop knows nothing of: its end does not cancel it.
@discardableResult
func startUnknownTask<R: Sendable>(
    _ body: @escaping @Sendable () async throws -> R
) -> Task<R, any Error> {
    Task(executorPreference: currentLoop.taskExecutor) { try await body() }
}
