// Tokens that are lent to borrowers by name.

/// Lends a number of tokens, each to a borrower of its own, and can be resized: trio's
/// `CapacityLimiter`.
///
/// Unlike the permits of an ``AsyncSemaphore``, a token comes back from the borrower that has it, or
/// not at all. The borrower is the calling task, or an object on whose behalf a task asks: then any
/// task can give its token back.
///
/// First come, first served. Knows no loop: it can be made anywhere, and used from several loops and
/// threads.
///
/// ## Cancellation
/// *Loses its place*, and leaves no trace; a token that it was just lent goes to the next.
///
/// ## Isolation
/// *Any task*.
public final class CapacityLimiter: Sendable {
    /// A total that is never used up.
    public static let infinite = Int.max

    private let monitor: Monitor<LimiterState>

    /// A limiter with so many tokens.
    ///
    /// - Parameter total: 0 or more; ``infinite`` for no limit. With 0 all wait until
    ///   ``resize(to:)``.
    /// - Throws: ``CapacityError/negativeTotal(_:)``.
    public init(_ total: Int) throws(CapacityError) {
        if total < 0 { throw .negativeTotal(total) }
        monitor = Monitor(LimiterState(total: total))
    }

    /// Waits for a token for the calling task.
    ///
    /// Prefer ``withToken(_:)``, which cannot forget to give it back.
    ///
    /// - Throws: `CancellationError`; ``CapacityError/alreadyBorrowing`` if the task has one.
    public nonisolated(nonsending) func acquire() async throws {
        try await acquire(Borrower(.running))
    }

    /// Waits for a token for `object`, which lives at least until it is given back.
    ///
    /// - Throws: `CancellationError`; ``CapacityError/alreadyBorrowing`` if the object has one, or
    ///   waits for one.
    public nonisolated(nonsending) func acquire(
        onBehalfOf object: some AnyObject & Sendable
    ) async throws {
        try await acquire(Borrower(object))
    }

    /// Takes a token for the calling task if that needs no waiting.
    ///
    /// - Returns: False if none is free, or others wait already.
    /// - Throws: ``CapacityError/alreadyBorrowing``; ``CapacityError/noTask`` outside of tasks.
    public func tryAcquire() throws(CapacityError) -> Bool {
        try tryAcquire(.currentTask)
    }

    /// Takes a token for `object` if that needs no waiting.
    ///
    /// - Returns: False if none is free, or others wait already.
    /// - Throws: ``CapacityError/alreadyBorrowing``.
    public func tryAcquire(
        onBehalfOf object: some AnyObject & Sendable
    ) throws(CapacityError) -> Bool {
        try tryAcquire(Borrower(object))
    }

    /// Gives the calling task's token back.
    ///
    /// - Throws: ``CapacityError/notBorrowing`` if it has none; ``CapacityError/noTask`` outside of
    ///   tasks.
    public func release() throws(CapacityError) { try release(.currentTask) }

    /// Gives back the token of `object`.
    ///
    /// - Throws: ``CapacityError/notBorrowing`` if it has none.
    public func release(onBehalfOf object: some AnyObject & Sendable) throws(CapacityError) {
        try release(Borrower(object))
    }

    /// Waits for a token, runs `body`, and gives the token back, however the body ends.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: What ``acquire()`` and `body` throw.
    public nonisolated(nonsending) func withToken<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let borrower = Borrower(.running)
        try await acquire(borrower)
        defer { try? release(borrower) }
        return try await body()
    }

    /// Changes the number of tokens.
    ///
    /// More tokens let in those who wait. Fewer tokens take none away: until enough came back,
    /// nobody is let in.
    ///
    /// - Parameter total: 0 or more; ``infinite`` for no limit.
    /// - Throws: ``CapacityError/negativeTotal(_:)``.
    public func resize(to total: Int) throws(CapacityError) {
        if total < 0 { throw .negativeTotal(total) }
        monitor.withLock { state, wakeups in
            state.total = total
            state.serve(&wakeups)
        }
    }

    private nonisolated(nonsending) func acquire(_ borrower: Borrower) async throws {
        try await monitor.wait("CapacityLimiter.acquire", borrower) { state, _, place in
            try state.take(borrower, place)
        } onLeave: { state, wakeups in
            state.forget(borrower)
        }
        // Cancelled after the hand-over, before it ran: the token goes on.
        if TaskIdentity.isCurrentCancelled {
            try release(borrower)
            throw CancellationError()
        }
    }

    private func tryAcquire(_ borrower: Borrower) throws(CapacityError) -> Bool {
        try monitor.withLock { state throws(CapacityError) in
            try state.take(borrower, nil) != nil
        }
    }

    private func release(_ borrower: Borrower) throws(CapacityError) {
        try monitor.withLock { state, wakeups throws(CapacityError) in
            try state.giveBack(borrower)
            state.serve(&wakeups)
        }
    }

    /// How a limiter stands.
    public struct Statistics: Sendable, Equatable {
        /// How many tokens there are.
        public var total: Int
        /// Tokens that are out; after a ``CapacityLimiter/resize(to:)`` perhaps more than the total.
        public var borrowed: Int
        /// Tasks that wait.
        public var waiting: Int

        /// Tokens that are free; ``CapacityLimiter/infinite`` if there is no limit.
        public var available: Int {
            total == CapacityLimiter.infinite ? total : max(0, total - borrowed)
        }
    }

    /// How the limiter stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(total: state.total, borrowed: state.borrowed, waiting: state.queue.count)
        }
    }
}

/// A wrong use of a capacity limiter.
///
/// Nothing has changed then: the limiter still serves all others.
public enum CapacityError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A number of tokens that must not be negative.
    case negativeTotal(Int)
    /// The borrower has a token already, or waits for one.
    case alreadyBorrowing
    /// The borrower has no token.
    case notBorrowing
    /// The caller is no task, and names no other borrower.
    case noTask

    /// Which rule was broken, in words.
    public var description: String {
        switch self {
        case .negativeTotal(let total): "\(total) is no number of tokens"
        case .alreadyBorrowing: "the borrower has a token already, or waits for one"
        case .notBorrowing: "the borrower has no token that could be given back"
        case .noTask: "the caller is no task, and names no other borrower"
        }
    }
}
