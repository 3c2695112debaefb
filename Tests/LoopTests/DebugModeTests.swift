import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// What debug mode finds: S362, S364.
@Suite(.watched)
struct DebugModeTests {
    private static func configuration(
        _ found: Recorder<EventLoop.Diagnosis>
    ) -> EventLoop.Configuration {
        var configuration = EventLoop.Configuration.quiet
        configuration.debug = true
        configuration.onDiagnosis = { found.append($0) }
        return configuration
    }

    @Test func `a slow job is named, with its duration (S362)`() async throws {
        let found = Recorder<EventLoop.Diagnosis>()
        try await onFakeClock(configuration: Self.configuration(found)) {
            await spawn(name: "slow") { advanceFakeClock(milliseconds: 150) }.value
            await spawn(name: "quick") { advanceFakeClock(milliseconds: 99) }.value
        }
        #expect(found.count == 1)
        let text = found.elements.map { "\($0)" }.joined()
        #expect(text.contains("'slow'") && text.contains("0.15 seconds"))
    }

    @Test func `a task that Task made is told to use spawn, once`() async throws {
        let found = Recorder<EventLoop.Diagnosis>()
        try await onLoop(configuration: Self.configuration(found)) {
            try await Task(name: "lost") {
                try await sleep(for: .nanoseconds(1))
                try await sleep(for: .nanoseconds(1))
            }.value
            try await spawn(name: "kept") { try await sleep(for: .nanoseconds(1)) }.value
        }
        #expect(found.count == 1)
        let text = found.elements.map { "\($0)" }.joined()
        #expect(text.contains("'lost'") && text.contains("'main'") && text.contains("`spawn`"))
    }

    @Test func `without debug mode nothing is reported`() async throws {
        let found = Recorder<EventLoop.Diagnosis>()
        var configuration = Self.configuration(found)
        configuration.debug = false
        try await onFakeClock(configuration: configuration) {
            advanceFakeClock(milliseconds: 500)
            try await yield()
        }
        #expect(found.count == 0)
    }

    @Test func `the loop's own members trap on another thread (S364)`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop.start(configuration: .quiet)
            _ = try await loop.run { 1 }
            _ = loop.tasks
        }
    }
}
