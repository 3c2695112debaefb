// Expectations of Swift Testing on whether a call suspends.

#if canImport(Testing)
    public import Testing

    /// Expects that `body` suspends, so that other tasks can run.
    ///
    /// ## Cancellation
    /// The body's own.
    ///
    /// - Parameters:
    ///   - comment: Added to the issue.
    ///   - sourceLocation: Where the issue is reported.
    ///   - body: What to do.
    /// - Returns: The body's value.
    /// - Throws: The body's error.
    /// - Precondition: The caller runs on an event loop.
    @discardableResult
    public nonisolated(nonsending) func expectSuspends<R>(
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let (result, didSuspend) = await observingSuspension(of: body)
        #expect(didSuspend, comment ?? "the call did not suspend", sourceLocation: sourceLocation)
        return try result.get()
    }

    /// Expects that `body` goes on at once, without suspending.
    ///
    /// The budget of operations is whole at the beginning, so that no operation yields because of those
    /// before, or by the choice of a seed.
    ///
    /// ## Cancellation
    /// The body's own.
    ///
    /// - Parameters:
    ///   - comment: Added to the issue.
    ///   - sourceLocation: Where the issue is reported.
    ///   - body: What to do.
    /// - Returns: The body's value.
    /// - Throws: The body's error.
    /// - Precondition: The caller runs on an event loop.
    @discardableResult
    public nonisolated(nonsending) func expectDoesNotSuspend<R>(
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let (result, didSuspend) = await observingSuspension(of: body)
        #expect(!didSuspend, comment ?? "the call suspended", sourceLocation: sourceLocation)
        return try result.get()
    }
#endif
