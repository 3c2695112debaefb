// Values that come out when their time has come.

/// Holds values until their deadlines: Tokio's `DelayQueue`.
///
/// Each value has a key, by which it can be taken back, or given another deadline. Values come out
/// in order of deadline, equal ones in the order in which their deadlines were set, each to one of
/// those who wait. Knows no loop: it can be made anywhere, and used from several loops and threads.
///
/// Its capacity is a bound: a value too many is refused. A queue made with ``unbounded()`` **has no
/// bound**: it grows until memory ends, and whoever fills it must see to it himself. The keys'
/// `hash(into:)` and `==` run under the queue's lock, and must not use the queue.
///
/// ## Cancellation
/// *No effect*: nothing is taken out.
///
/// ## Isolation
/// *Any task*; all but ``next()`` also from synchronous code.
public final class DelayQueue<Key: Hashable & Sendable, Value: Sendable>: AsyncSequence, Sendable {
    /// A value whose deadline has passed.
    public struct Element: Sendable {
        /// The value's key.
        public let key: Key
        /// The value.
        public let value: Value
        /// How long after its deadline it came out.
        public let lateness: Duration
    }

    private struct State: TimedState {
        let watchers = WaiterQueue<Void, Void>()
        var values = DelayedValues<Key, Value>()
        var isClosed = false
        var inserted: UInt64 = 0
        var expired: UInt64 = 0
    }

    private let monitor = Monitor(State())

    /// How many values it holds at most; nil if there is no bound.
    public let capacity: Int?

    /// A queue with a bound.
    ///
    /// - Parameter capacity: How many values it holds at most.
    /// - Precondition: `capacity` is at least 1.
    public convenience init(capacity: Int) {
        precondition(capacity >= 1, "a DelayQueue needs a capacity of at least 1")
        self.init(bound: capacity)
    }

    private init(bound: Int?) { capacity = bound }

    /// A queue **without a bound**: it grows until memory ends.
    public static func unbounded() -> DelayQueue { DelayQueue(bound: nil) }

    /// Puts a value in, to come out after `delay`.
    ///
    /// Wakes whoever waits, if it is the first to come out now.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - key: Its key. If the queue has the key already, its value and deadline are replaced.
    ///   - delay: Zero or less for now; an enormous one never ends.
    /// - Returns: The value that had the key before.
    /// - Throws: ``DelayQueueError``, if the queue is full or closed; then nothing changes.
    @discardableResult
    public func insert(
        _ value: Value, for key: Key, after delay: Duration
    ) throws(DelayQueueError) -> Value? {
        try insert(value, for: key, deadline: Monotonic.deadline(after: delay))
    }

    /// Puts a value in, to come out at `deadline`.
    ///
    /// In other respects it is ``insert(_:for:after:)``.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - key: Its key. If the queue has the key already, its value and deadline are replaced.
    ///   - deadline: When it is to come out; one in the past is now.
    /// - Returns: The value that had the key before.
    /// - Throws: ``DelayQueueError``, if the queue is full or closed; then nothing changes.
    @discardableResult
    public func insert(
        _ value: Value, for key: Key, at deadline: ContinuousClock.Instant
    ) throws(DelayQueueError) -> Value? {
        try insert(value, for: key, deadline: Self.nanoseconds(deadline))
    }

    private func insert(
        _ value: Value, for key: Key, deadline: UInt64
    ) throws(DelayQueueError) -> Value? {
        try monitor.change { state, isNews throws(DelayQueueError) -> Value? in
            if state.isClosed { throw .closed }
            if let capacity, state.values.count >= capacity, !state.values.contains(key) {
                throw .full
            }
            let earliest = state.values.earliest
            let replaced = state.values.insert(value, for: key, at: deadline)
            state.inserted += 1
            isNews = deadline < earliest ?? .max
            return replaced
        }
    }

    /// Takes a value back.
    ///
    /// - Returns: The value; nil if there is none with this key, or it has come out already.
    @discardableResult
    public func remove(_ key: Key) -> Value? {
        let removed = monitor.change { state, isNews in
            defer { isNews = state.isClosed && state.values.count == 0 }
            return state.values.remove(key)
        }
        return removed?.value
    }

    /// Takes all values back, in the order in which they would have come out.
    @discardableResult
    public func removeAll() -> [(key: Key, value: Value)] {
        var values = monitor.change { state, isNews in
            isNews = state.isClosed
            return exchange(&state.values, with: DelayedValues())
        }
        var removed: [(key: Key, value: Value)] = []
        while let entry = values.popFirst() { removed.append((entry.key, entry.value)) }
        return removed
    }

    /// Lets a value come out after `delay` from now, be that earlier or later than before.
    ///
    /// - Returns: False if there is none with this key, or it has come out already.
    @discardableResult
    public func reset(_ key: Key, after delay: Duration) -> Bool {
        reset(key, deadline: Monotonic.deadline(after: delay))
    }

    /// Lets a value come out at `deadline`, be that earlier or later than before.
    ///
    /// - Returns: False if there is none with this key, or it has come out already.
    @discardableResult
    public func reset(_ key: Key, at deadline: ContinuousClock.Instant) -> Bool {
        reset(key, deadline: Self.nanoseconds(deadline))
    }

    private func reset(_ key: Key, deadline: UInt64) -> Bool {
        monitor.change { state, isNews in
            let earliest = state.values.earliest
            isNews = deadline < earliest ?? .max
            return state.values.move(key, to: deadline)
        }
    }

    /// Waits until the earliest deadline has passed, and takes its value out.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Returns: The value and its key; nil once the queue is closed and empty.
    /// - Throws: `CancellationError`; ``EventLoopError/stopped`` when the caller's loop ends.
    public nonisolated(nonsending) func next() async throws -> Element? {
        try await monitor.wait("DelayQueue.next") { state, now in Self.look(&state, now) }
    }

    /// Takes out the value with the earliest deadline, if that has passed.
    public func tryNext() -> Element? {
        let now = Monotonic.now
        return monitor.withLock { state in
            if case .answer(let element) = Self.look(&state, now) { element } else { nil }
        }
    }

    private static func look(_ state: inout State, _ now: UInt64) -> Look<Element?> {
        guard let deadline = state.values.earliest else {
            return state.isClosed ? .answer(nil) : .later(deadline: Monotonic.never)
        }
        if now < deadline { return .later(deadline: deadline) }
        guard let entry = state.values.popFirst() else { return .answer(nil) }
        state.expired += 1
        return .answer(
            Element(
                key: entry.key, value: entry.value,
                lateness: Monotonic.duration(from: deadline, to: now)))
    }

    /// Takes no more values.
    ///
    /// Those that are in still come out at their deadlines; then the sequence ends.
    public func close() {
        monitor.change { state, _ in state.isClosed = true }
    }

    /// How a delay queue stands.
    public struct Statistics: Sendable, Equatable {
        /// Values that are in.
        public var count: Int
        /// Tasks that wait.
        public var waiting: Int
        /// Values that were put in.
        public var inserted: UInt64
        /// Values that came out at their deadlines.
        public var expired: UInt64
    }

    /// How the queue stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                count: state.values.count, waiting: state.watchers.count, inserted: state.inserted,
                expired: state.expired)
        }
    }

    private static func nanoseconds(_ instant: ContinuousClock.Instant) -> UInt64 {
        LoopCore.current?.deadline(at: instant)
            ?? Monotonic.deadline(after: ContinuousClock.now.duration(to: instant))
    }

    /// Goes through the values, each when its deadline has passed.
    public func makeAsyncIterator() -> Iterator { Iterator(queue: self) }

    /// Goes through the values of a delay queue.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let queue: DelayQueue

        /// As ``DelayQueue/next()``.
        public mutating func next() async throws -> Element? { try await queue.next() }

        /// As ``DelayQueue/next()``, on the caller's isolation.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await queue.next()
        }
    }
}

/// Why a delay queue takes no value.
public enum DelayQueueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It holds as many as it may.
    case full
    /// It was closed.
    case closed

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .full: "the delay queue is full"
        case .closed: "the delay queue is closed"
        }
    }
}
