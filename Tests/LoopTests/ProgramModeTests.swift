import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// `EventLoop.runProgram`, in a program of its own (ProgramModeProbe), as it takes over a process.
@Suite(.watched)
struct ProgramModeTests {
    @Test func `everything runs on the one main thread (H13 H14)`() async throws {
        let found = try await probe("tour")
        #expect(found["result"] == "done")
        // What the process had at the start: one thread, and perhaps one of a sanitizer.
        let start = try #require(found["start"])
        let places = [
            "body", "task", "detached", "sleep", "sleep in nanoseconds", "detached sleep", "actor",
            "main actor", "async let", "group", "assertIsolated", "after",
        ]
        for place in places { #expect(found[place] == start, "threads in '\(place)'") }
        #expect(found.count == places.count + 2)
    }

    @Test func `it returns the value, and another loop may run afterwards (S386)`() async throws {
        #expect(try await probe("value") == ["value": "42", "next run": "43"])
    }

    @Test func `a second time is refused (S386)`() async throws {
        let found = try await probe("twice")
        #expect(found == ["first": "1", "second": Self.message(.usedBefore)])
    }

    @Test func `from async code it is refused (S387)`() async throws {
        #expect(try await probe("async") == ["async": Self.message(.calledFromAsyncCode)])
        #expect(throws: EventLoopError.programModeUnavailable(.calledFromAsyncCode)) {
            try EventLoop.runProgram {}
        }
    }

    @Test func `after tasks were started it is refused (S387)`() async throws {
        #expect(try await probe("late") == ["late": Self.message(.tooLate)])
    }

    @Test func `off the main thread it is refused`() async throws {
        let found = try await probe("other-thread")
        #expect(found == ["other thread": Self.message(.notOnMainThread)])
        await #expect(throws: EventLoopError.programModeUnavailable(.notOnMainThread)) {
            try await onThread { try EventLoop.runProgram { 1 } }
        }
    }

    @Test func `each refusal says what to do instead`() {
        let obstacles: [EventLoopError.ProgramModeObstacle] = [
            .calledFromAsyncCode, .notOnMainThread, .usedBefore, .runtimeRefused,
            .tooLate,
        ]
        let texts = obstacles.map { "\(EventLoopError.programModeUnavailable($0))" }
        #expect(Set(texts).count == 5)
        #expect(texts.allSatisfy { $0.contains("runProgram") })
    }

    private static func message(_ obstacle: EventLoopError.ProgramModeObstacle) -> String {
        "error: \(EventLoopError.programModeUnavailable(obstacle))"
    }
}
