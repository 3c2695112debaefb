import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Whether a call suspends.
@Suite(.watched)
struct SuspensionTests {
    @Test func `a call that must wait suspends, one that need not does not`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await expectDoesNotSuspend { try await semaphore.acquire() }
            spawn { try semaphore.release() }
            try await expectSuspends { try await semaphore.acquire() }
            try await expectSuspends { try await yield() }
            try await expectSuspends { try await sleep(for: .zero) }
            #expect(try await expectDoesNotSuspend { 7 } == 7)
        }
    }

    @Test func `a budget that is used up, or a seed, does not make a call suspend here`()
        async throws
    {
        try await withSeeds(200) { _ in
            let semaphore = try AsyncSemaphore(1_000)
            for _ in 0..<5 {
                try await expectDoesNotSuspend {
                    for _ in 0..<100 { try await semaphore.acquire() }
                }
            }
        }
    }

    @Test func `seeds make calls yield that mostly do not`() async throws {
        let suspended = Recorder<Bool>()
        try await withSeeds(100) { _ in
            let semaphore = try AsyncSemaphore(1)
            let before = EventLoop.current!.jobCount
            try await semaphore.acquire()
            suspended.append(EventLoop.current!.jobCount != before)
        }
        let count = suspended.elements.count { $0 }
        #expect(0 < count && count < 50)
    }

    @Test func `what was expected and did not happen is an issue at the caller, once`() async throws
    {
        let issues = Recorder<String>()
        try await observingIssues(issues) {
            try await onLoopKeepingTaskLocals {
                try await expectSuspends("it should") {}
                try await expectDoesNotSuspend { try await yield() }
                await #expect(throws: TimeoutError.self) {
                    try await expectSuspends { throw TimeoutError() }
                }
            }
        }
        #expect(issues.elements == ["it should", "the call suspended", "the call did not suspend"])
    }

    private func onLoopKeepingTaskLocals(
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withVirtualTime(.init(), body)
    }
}

/// Runs `body`, and takes the comments of all its issues instead of the issues.
func observingIssues(
    _ issues: Recorder<String>, _ body: @Sendable () async throws -> Void
) async throws {
    let observer = IssueHandlingTrait.compactMapIssues { issue in
        for comment in issue.comments { issues.append("\(comment)") }
        return nil
    }
    try await observer.provideScope(
        for: #require(Test.current), testCase: Test.Case.current, performing: body)
}
