// Ticks at a period.

/// A tick at each period: Tokio's `interval`.
///
/// ```swift
/// for try await tick in try Ticker(every: .seconds(10)) {
///     report(missed: tick.missed)
/// }
/// ```
/// It holds no task and no loop, and costs nothing while nobody waits for it: a tick that comes due
/// meanwhile is taken by the next to ask, and what happens with those missed is a choice. Knows no
/// loop: it can be made anywhere. If several tasks wait, each tick goes to one of them.
///
/// ## Cancellation
/// *No effect*: the tick that was waited for is still to come.
///
/// ## Isolation
/// *Any task*; ``tryNext()``, ``reset()`` and ``stop()`` also from synchronous code.
public final class Ticker: AsyncSequence, Sendable {
    /// What happens with ticks that came due while nobody asked.
    public enum MissedTicks: Sendable {
        /// All of them come at once, one after the other, until the ticker has caught up.
        ///
        /// None is lost. After a long pause that can be many.
        case burst
        /// The late tick comes, and the next a period after it: between two ticks there is always a
        /// period, and all later ones move.
        case delay
        /// The late tick comes, and the next in its usual place: the others are lost.
        case skip
    }

    /// One tick.
    public struct Tick: Sendable, Equatable {
        /// Which one it is: 1 for the first that came.
        public let number: Int
        /// How long after its time it came.
        public let lateness: Duration
        /// How many ticks were lost between the time at which this one was due and now; always 0
        /// for ``Ticker/MissedTicks/burst``.
        public let missed: Int
    }

    private struct State: TimedState {
        let watchers = WaiterQueue<Void, Void>()
        var schedule: TickerSchedule
        var isStopped = false
        var statistics = Statistics(ticks: 0, missed: 0)
    }

    private let monitor: Monitor<State>

    /// The time between two ticks.
    public let period: Duration

    /// A ticker, whose first period begins when somebody first waits for a tick.
    ///
    /// - Parameters:
    ///   - period: The time between two ticks; more than zero. An enormous one never ends.
    ///   - first: How long the first tick takes; a period by default, zero for one at once.
    ///   - missed: What happens with ticks that came due while nobody asked.
    ///   - jitter: How long after its time a tick comes at most: a random part of it is added to
    ///     each, so that many tickers do not tick together. From zero up to the period.
    ///   - seed: Determines the random numbers of the jitter; nil for the system's.
    /// - Throws: ``TickerError``, if a duration is out of range.
    public init(
        every period: Duration, first: Duration? = nil, missed: MissedTicks = .skip,
        jitter: Duration = .zero, seed: UInt64? = nil
    ) throws(TickerError) {
        if period <= .zero { throw .invalidPeriod(period) }
        if let first, first < .zero { throw .invalidDelay(first) }
        if jitter < .zero || jitter > period { throw .invalidJitter(jitter) }
        self.period = period
        let schedule = TickerSchedule(
            period: Monotonic.adding(period, to: 0),
            first: Monotonic.adding(first ?? period, to: 0), missed: missed,
            jitter: Monotonic.adding(jitter, to: 0),
            seed: seed ?? UInt64.random(in: 0...UInt64.max))
        monitor = Monitor(State(schedule: schedule))
    }

    /// Waits for the next tick.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Returns: The tick; nil once the ticker is stopped.
    /// - Throws: `CancellationError`; ``EventLoopError/stopped`` when the caller's loop ends.
    public nonisolated(nonsending) func next() async throws -> Tick? {
        try await monitor.wait("Ticker.next") { state, now in Self.look(&state, now) }
    }

    /// The tick that is due now, if one is.
    public func tryNext() -> Tick? {
        let now = Monotonic.now
        return monitor.withLock { state in
            if case .answer(let tick) = Self.look(&state, now) { tick } else { nil }
        }
    }

    private static func look(_ state: inout State, _ now: UInt64) -> Look<Tick?> {
        if state.isStopped { return .answer(nil) }
        let due = state.schedule.due(now)
        if now < due { return .later(deadline: due) }
        let tick = state.schedule.take(now)
        state.statistics.ticks += 1
        state.statistics.missed += tick.missed
        return .answer(tick)
    }

    /// Begins a new period now, also for those who wait: the next tick comes when it is over.
    ///
    /// - Returns: False if the ticker is stopped; then nothing happens.
    @discardableResult
    public func reset() -> Bool { reset(after: period) }

    /// Lets the next tick come after `delay` from now, and those that follow a period apart.
    ///
    /// - Parameter delay: Zero or less for a tick at once.
    /// - Returns: False if the ticker is stopped; then nothing happens.
    @discardableResult
    public func reset(after delay: Duration) -> Bool {
        let now = Monotonic.now
        return monitor.change { state, _ in
            if state.isStopped { return false }
            state.schedule.restart(at: now, after: Monotonic.adding(delay, to: 0))
            return true
        }
    }

    /// Ends the sequence, for good.
    ///
    /// Whoever waits for a tick gets nil.
    public func stop() {
        monitor.change { state, _ in state.isStopped = true }
    }

    /// What a ticker has done.
    public struct Statistics: Sendable, Equatable {
        /// Ticks that came.
        public var ticks: Int
        /// Ticks that were lost.
        public var missed: Int
    }

    /// What the ticker has done so far.
    public var statistics: Statistics { monitor.withLock { $0.statistics } }

    /// Goes through the ticks.
    public func makeAsyncIterator() -> Iterator { Iterator(ticker: self) }

    /// Goes through the ticks of a ticker.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let ticker: Ticker

        /// As ``Ticker/next()``.
        public mutating func next() async throws -> Tick? { try await ticker.next() }

        /// As ``Ticker/next()``, on the caller's isolation.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Tick? {
            try await ticker.next()
        }
    }
}

/// A ticker that cannot be.
public enum TickerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The period is not above zero.
    case invalidPeriod(Duration)
    /// The delay of the first tick is negative.
    case invalidDelay(Duration)
    /// The jitter is negative, or above the period.
    case invalidJitter(Duration)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .invalidPeriod(let period): "a ticker needs a period above zero, not \(period)"
        case .invalidDelay(let delay): "the first tick of a ticker cannot come after \(delay)"
        case .invalidJitter(let jitter): "a jitter of \(jitter) is negative, or above the period"
        }
    }
}
