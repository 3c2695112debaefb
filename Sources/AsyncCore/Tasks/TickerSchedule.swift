// When a ticker's ticks are due: arithmetic, no clock and no waiting.

/// The due times of a ticker, in monotonic nanoseconds that saturate.
///
/// Pure: whoever owns it says what time it is, and whether it is late enough.
struct TickerSchedule: Sendable {
    let period: UInt64
    let missed: Ticker.MissedTicks
    let jitter: UInt64
    private var choices: SeededChoices
    /// The delay of the first tick.
    private let first: UInt64

    /// When the next tick belongs; nil before the first period has begun.
    private var grid: UInt64?
    /// How long after its place on the grid the next tick is due.
    private var offset: UInt64 = 0
    private var number = 0

    init(
        period: UInt64, first: UInt64, missed: Ticker.MissedTicks, jitter: UInt64, seed: UInt64
    ) {
        self.period = period
        self.first = first
        self.missed = missed
        self.jitter = jitter
        choices = SeededChoices(seed: seed)
    }

    /// When the next tick is due.
    ///
    /// The first period begins `now`, if none has.
    mutating func due(_ now: UInt64) -> UInt64 {
        if grid == nil { restart(at: now, after: first) }
        return Self.sum(grid ?? now, offset)
    }

    /// Lets the next tick be due `delay` after `now`, and those that follow a period apart.
    mutating func restart(at now: UInt64, after delay: UInt64) { place(Self.sum(now, delay)) }

    /// Takes the tick that is due, and plans the next.
    mutating func take(_ now: UInt64) -> Ticker.Tick {
        let due = due(now)
        let behind = now - min(now, due)
        let place = due - offset
        number += 1
        var lost: UInt64 = 0
        switch missed {
        case .burst:
            self.place(Self.sum(place, period))
        case .delay:
            lost = behind / period
            self.place(Self.sum(Self.sum(place, behind), period))
        case .skip:
            lost = behind / period
            self.place(Self.sum(Self.sum(place, lost * period), period))
        }
        return Ticker.Tick(
            number: number, lateness: Monotonic.duration(from: due, to: now),
            missed: Int(clamping: lost))
    }

    private mutating func place(_ place: UInt64) {
        grid = place
        offset = jitter == 0 ? 0 : UInt64.random(in: 0...jitter, using: &choices)
    }

    private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? Monotonic.never : sum
    }
}
