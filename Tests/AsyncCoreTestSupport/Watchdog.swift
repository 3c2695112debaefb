import Glibc
import Testing

import AsyncCore

/// Ends the test process when a test hangs, after saying what waits for what.
///
/// A test whose continuation is never resumed cannot be ended from within. `@Suite(.watched)` puts every test of a suite under the
/// watchdog: a thread that looks at the clock, prints, and ends the process at once.
public struct WatchdogTrait: TestTrait, SuiteTrait, TestScoping {
    let limit: Duration

    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let entry = Watchdog.begin(test.name, limit: limit)
        defer { Watchdog.end(entry) }
        try await function()
    }
}

extension Trait where Self == WatchdogTrait {
    /// Ends the process if a test takes longer than four minutes: all of them run at once, under
    /// sanitizers, too.
    public static var watched: Self { WatchdogTrait(limit: .seconds(240)) }

    /// Ends the process if a test takes longer than `limit`.
    public static func watched(_ limit: Duration) -> Self { WatchdogTrait(limit: limit) }
}

enum Watchdog {
    private struct State {
        var next = 0
        var running: [Int: (name: String, deadline: ContinuousClock.Instant)] = [:]
        var hasThread = false
    }

    private static let state = Guarded(State())

    static func begin(_ name: String, limit: Duration) -> Int {
        let (entry, mustStart) = state.withLock { state in
            state.next += 1
            state.running[state.next] = (name, .now + limit)
            defer { state.hasThread = true }
            return (state.next, !state.hasThread)
        }
        if mustStart { try? CurrentThread.start(name: "watchdog") { watch() } }
        return entry
    }

    static func end(_ entry: Int) {
        state.withLock { _ = $0.running.removeValue(forKey: entry) }
    }

    private static func watch() -> Never {
        while true {
            usleep(200_000)
            let late = state.withLock { state in
                state.running.values.filter { $0.deadline < .now }.map(\.name)
            }
            if late.isEmpty { continue }
            report(late)
            _exit(70)
        }
    }

    private static func report(_ late: [String]) {
        var lines = late.map { "WATCHDOG: '\($0)' takes too long" }
        let others = state.withLock { $0.running.values.map(\.name) }.filter { !late.contains($0) }
        lines += others.map { "  running too: '\($0)'" }
        #if DEBUG
            lines += StrayWaits.description.map { "  \($0)" }
        #endif
        let loops = LoopRegistry.all
        let trees = Guarded<[String]>([])
        for loop in loops { loop.describeTasks { tree in trees.withLock { $0.append(tree) } } }
        usleep(500_000)
        let answers = trees.withLock { $0 }
        lines += answers
        lines.append(
            "  loops: \(loops.count), of which \(answers.count) answer; the others are stuck in a job, or not run"
        )
        for line in lines { writeLineToStandardError(line) }
    }
}

/// A value under a lock that ThreadSanitizer understands, unlike `Mutex`.
private final class Guarded<Value>: @unchecked Sendable {
    // `value` is guarded by `lock`.
    private let lock = ThreadLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
}
