// Expectations of Swift Testing that fail within a run under seeds.

#if canImport(Testing)
    internal import Testing

    /// Runs `body`, and tells `run` of the expectations that fail meanwhile.
    ///
    /// They throw nothing: the issue is seen on its way out, and gets the seed.
    nonisolated(nonsending) func observingIssues(
        of run: SeedRun, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let test = Test.current else { return try await body() }
        let observer = IssueHandlingTrait.compactMapIssues { issue in
            // Warnings, and issues that are known, fail nothing.
            guard let seed = run.seed, issue.isFailure else { return issue }
            run.noteFailure()
            var named = issue
            named.comments.append("under seed \(seed); \(SeedFailure.replay(seed))")
            return named
        }
        try await observer.provideScope(for: test, testCase: Test.Case.current, performing: body)
    }
#else
    /// Without Swift Testing a body fails by throwing alone.
    nonisolated(nonsending) func observingIssues(
        of run: SeedRun, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await body()
    }
#endif
