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
        var isClosed = false
        var waited: UInt64 = 0
        /// Waits for permits; each asks for a number of them.
        let queue = WaiterQueue<Int, Void>()

        /// Whether nobody may take or give without the lock.
        var staysShut: Bool { isClosed || !queue.isEmpty }
    }

    /// The free permits.
    private let free: FastWord
    private let monitor = Monitor(State())
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
        free = FastWord(UInt(permits))
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
        if acquireAtOnce(count) { return }
        try await monitor.wait("AsyncSemaphore.acquire", count, hasLooked: true) {
            state, _, place in
            try take(count, &state, place)
        } onLeave: { state, wakeups in
            // Those behind it may be content with what was too little for it.
            serve(free.shut(), &state, &wakeups)
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
        if count < 1 { return false }
        if takeFree(count) { return true }
        // Somebody may be deciding under the lock just now, and leave permits free.
        return monitor.withLock { state in (try? take(count, &state, nil)) != nil }
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
        if giveFree(count) { return }
        try monitor.withLock { state, wakeups throws(SemaphoreError) in
            let available = free.shut()
            guard let sum = self.sum(available, count) else {
                free.put(available, staysShut: state.staysShut)
                let sum = available.addingReportingOverflow(UInt(count)).partialValue
                throw .aboveMaximum(permits: Int(clamping: sum), maximum: maximum)
            }
            serve(sum, &state, &wakeups)
        }
    }

    // MARK: - Without the lock

    @inline(__always)
    private func acquireAtOnce(_ count: Int) -> Bool {
        LoopCore.unhinderedTask != nil && takeFree(count)
    }

    /// Takes permits that are free and that nobody waits for.
    @inline(__always)
    private func takeFree(_ count: Int) -> Bool {
        free.tryChange { $0 >= UInt(count) ? $0 &- UInt(count) : nil }
    }

    /// Gives permits to nobody in particular.
    @inline(__always)
    private func giveFree(_ count: Int) -> Bool {
        free.tryChange { sum($0, count) }
    }

    /// Both together; nil if that is above the maximum.
    ///
    /// Neither is above `Int.max`, so the sum cannot overflow.
    @inline(__always)
    private func sum(_ available: UInt, _ count: Int) -> UInt? {
        let sum = available &+ UInt(count)
        return sum <= UInt(maximum) ? sum : nil
    }

    // MARK: - Under the lock

    /// Takes permits, if nobody is before us, or joins the queue.
    private func take(
        _ count: Int, _ state: inout State, _ place: WaiterQueue<Int, Void>.Place?
    ) throws(SemaphoreError) -> Void? {
        if state.isClosed { throw .closed }
        var available = free.shut()
        defer { free.put(available, staysShut: state.staysShut) }
        if state.queue.isEmpty, available >= count {
            available -= UInt(count)
            return ()
        }
        if let place {
            state.waited &+= 1
            state.queue.append(place)
        }
        return nil
    }

    /// Hands permits to those at the head, in order, as far as they suffice, and puts the others
    /// back.
    private func serve(_ permits: UInt, _ state: inout State, _ wakeups: inout Wakeups) {
        var available = permits
        while let first = state.queue.first, first.request <= available {
            state.queue.remove(first)
            if wakeups.grant(first, ()) { available -= UInt(first.request) }
        }
        free.put(available, staysShut: state.staysShut)
    }

    /// Gives permits back that were taken.
    private func giveBack(_ count: Int) {
        if giveFree(count) { return }
        monitor.withLock { state, wakeups in
            let available = free.shut()
            // One who released what was not his may have filled the semaphore before us.
            serve(sum(available, count) ?? UInt(maximum), &state, &wakeups)
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
        if !acquireAtOnce(1) { try await acquire() }
        defer { giveBack(1) }
        return try await body()
    }

    /// Fails all who wait, and all who will, with ``SemaphoreError/closed``.
    ///
    /// Permits that are out can still be released.
    public func close() {
        monitor.withLock { state, wakeups in
            state.isClosed = true
            free.put(free.shut(), staysShut: true)
            state.queue.failAll(SemaphoreError.closed, &wakeups)
        }
    }

    /// How a semaphore stands.
    public struct Statistics: Sendable, Equatable {
        /// Permits that are free.
        public var available: Int
        /// Tasks that wait.
        public var waiting: Int
        /// Acquisitions that had to wait.
        public var waited: UInt64
    }

    /// How the semaphore stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                available: Int(free.value), waiting: state.queue.count, waited: state.waited)
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
