// Counted permits.

/// A counter of permits that tasks wait for: asyncio's `Semaphore` and `BoundedSemaphore`.
///
/// First come, first served: a permit that is released while somebody waits belongs to the first of
/// them from that moment, so nobody can overtake. Knows no loop: it can be made anywhere, and used
/// from several loops and threads; each task resumes where it belongs.
///
/// ## Cancellation
/// *Loses its place*: a task that is cancelled while it waits leaves the queue, and a permit that
/// it was just handed goes to the next.
///
/// ## Isolation
/// *Any task*; ``tryAcquire(_:)`` and ``release(_:)`` also from synchronous code.
public final class AsyncSemaphore: Sendable {
    private struct State: Sendable {
        var available: Int
        var isClosed = false
        var acquired: UInt64 = 0
        var waited: UInt64 = 0
        /// Waits for permits; each asks for a number of them.
        let queue = WaiterQueue<Int, Void>()

        /// Takes permits, if nobody is before us, or joins the queue.
        mutating func take(
            _ count: Int, _ place: WaiterQueue<Int, Void>.Place?
        ) throws(SemaphoreError) -> Void? {
            if isClosed { throw .closed }
            if queue.isEmpty, available >= count {
                available -= count
                acquired &+= 1
                return ()
            }
            if let place {
                waited &+= 1
                queue.append(place)
            }
            return nil
        }

        /// Hands permits to those at the head, in order, as far as they suffice.
        mutating func serve(_ wakeups: inout Wakeups) {
            while let first = queue.first, first.request <= available {
                queue.remove(first)
                if wakeups.grant(first, ()) { available -= first.request }
            }
        }
    }

    private let monitor: Monitor<State>
    private let maximum: Int

    /// The largest number of permits that a semaphore can have.
    public static let maximumPermits = Int.max >> 3

    /// A semaphore.
    ///
    /// - Parameters:
    ///   - permits: How many there are at first: 0 or more.
    ///   - maximum: How many there may ever be; nil for ``maximumPermits``. A release beyond it is
    ///     refused.
    /// - Throws: ``SemaphoreError`` if a number is negative, or `permits` is above `maximum`.
    public init(_ permits: Int, maximum: Int? = nil) throws(SemaphoreError) {
        let limit = maximum ?? Self.maximumPermits
        if permits < 0 { throw .negativeCount(permits) }
        if limit < 0 { throw .negativeCount(limit) }
        if permits > limit || limit > Self.maximumPermits {
            throw .aboveMaximum(permits: permits, maximum: min(limit, Self.maximumPermits))
        }
        monitor = Monitor(State(available: permits))
        self.maximum = limit
    }

    /// Waits for permits, and takes them all at once.
    ///
    /// Prefer ``withPermit(_:)``, which cannot forget to release.
    ///
    /// ## Cancellation
    /// *Loses its place*; no permit is taken then.
    ///
    /// - Parameter count: How many; 1 or more, and no more than the maximum.
    /// - Throws: `CancellationError`; ``SemaphoreError`` if the semaphore is or gets closed, or the
    ///   count is out of range.
    public nonisolated(nonsending) func acquire(_ count: Int = 1) async throws {
        if count < 1 { throw SemaphoreError.negativeCount(count) }
        if count > maximum { throw SemaphoreError.aboveMaximum(permits: count, maximum: maximum) }
        try await monitor.wait("AsyncSemaphore.acquire", count) { state, _, place in
            try state.take(count, place)
        } onLeave: { state, wakeups in
            // Those behind it may be content with what was too little for it.
            state.serve(&wakeups)
        }
        // Cancelled after the hand-over, before it ran: the permits go on.
        if TaskIdentity.isCurrentCancelled {
            giveBack(count)
            throw CancellationError()
        }
    }

    /// Takes permits if that needs no waiting: all of them, or none.
    ///
    /// - Returns: False if there are too few, if others wait already, or the semaphore is closed.
    public func tryAcquire(_ count: Int = 1) -> Bool {
        guard count >= 1 else { return false }
        return monitor.withLock { state in (try? state.take(count, nil)) != nil }
    }

    /// Gives permits back, or adds new ones.
    ///
    /// Those who wait get them first.
    ///
    /// - Parameter count: How many; 1 or more.
    /// - Throws: ``SemaphoreError/aboveMaximum(permits:maximum:)`` if there would be more than the
    ///   maximum; nothing is released then.
    public func release(_ count: Int = 1) throws(SemaphoreError) {
        if count < 1 { throw .negativeCount(count) }
        try monitor.withLock { state, wakeups throws(SemaphoreError) in
            let (sum, overflow) = state.available.addingReportingOverflow(count)
            if overflow || sum > maximum {
                throw .aboveMaximum(permits: overflow ? Int.max : sum, maximum: maximum)
            }
            state.available = sum
            state.serve(&wakeups)
        }
    }

    /// Gives permits back that were taken: they cannot exceed the maximum, unless somebody released
    /// what was not his.
    private func giveBack(_ count: Int) {
        monitor.withLock { state, wakeups in
            state.available = min(state.available + count, maximum)
            state.serve(&wakeups)
        }
    }

    /// Waits for a permit, runs `body`, and releases the permit, however the body ends.
    ///
    /// ## Cancellation
    /// While it waits: *loses its place*, and `body` does not run.
    ///
    /// - Throws: What ``acquire(_:)`` and `body` throw.
    public nonisolated(nonsending) func withPermit<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        try await acquire()
        defer { giveBack(1) }
        return try await body()
    }

    /// Fails all who wait, and all who will, with ``SemaphoreError/closed``.
    ///
    /// Permits that are out can still be released.
    public func close() {
        monitor.withLock { state, wakeups in
            state.isClosed = true
            state.queue.failAll(SemaphoreError.closed, &wakeups)
        }
    }

    /// How a semaphore stands.
    public struct Statistics: Sendable, Equatable {
        /// Permits that are free.
        public var available: Int
        /// Tasks that wait.
        public var waiting: Int
        /// Acquisitions that found their permits free.
        public var acquiredAtOnce: UInt64
        /// Acquisitions that had to wait.
        public var waited: UInt64
    }

    /// How the semaphore stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                available: state.available, waiting: state.queue.count,
                acquiredAtOnce: state.acquired, waited: state.waited)
        }
    }
}

/// A wrong use of a semaphore, or its end.
public enum SemaphoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A number of permits that must not be negative, or not zero where some are asked for.
    case negativeCount(Int)
    /// More permits than there may be.
    case aboveMaximum(permits: Int, maximum: Int)
    /// The semaphore was closed.
    case closed

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .negativeCount(let count): "\(count) is no number of permits"
        case .aboveMaximum(let permits, let maximum):
            "\(permits) permits would be above the semaphore's maximum of \(maximum)"
        case .closed: "the semaphore is closed"
        }
    }
}
