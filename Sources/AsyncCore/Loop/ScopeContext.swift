// Which scope the running code is in.

/// A scope, as the code in it sees it.
///
/// Any thread.
@usableFromInline
protocol EnclosingScope: AnyObject, Sendable {
    /// When the code in the scope will be cancelled by it, or by one around it; nil for never.
    var effectiveDeadline: ContinuousClock.Instant? { get }
}

/// The scopes around the running code, innermost first.
@usableFromInline
enum ScopeContext {
    /// Child tasks inherit it; so do unstructured tasks, for which it may not be true.
    @usableFromInline
    static let innermost = TaskLocal<(any EnclosingScope)?>(wrappedValue: nil)

    /// Where the body of a scope runs: on the caller's loop; nil for Swift's own threads.
    @usableFromInline static func executor(for isolation: (any Actor)?) -> (any TaskExecutor)? {
        LoopCore.ofCaller("withShield", in: isolation)?.preferredExecutor
    }

    /// The earlier of two deadlines.
    static func earlier(
        _ one: ContinuousClock.Instant?, _ other: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }
}
