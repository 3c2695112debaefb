// Arithmetic of deadlines: unsigned nanoseconds of the monotonic clock, which saturate at both
// ends.

enum Monotonic {
    /// The deadline that never comes.
    static let never = UInt64.max

    /// `now + delay`; a negative delay is due now, an enormous one never.
    static func adding(_ delay: Duration, to now: UInt64) -> UInt64 {
        let whole = delay.attoseconds
        if whole <= 0 { return now }
        // Up to 18 seconds, one division of 64 bits; rounded up: a timer never fires early.
        if whole >> 64 == 0 {
            let attoseconds = UInt64(truncatingIfNeeded: whole)
            let nanoseconds = attoseconds / 1_000_000_000
            return adding(
                attoseconds % 1_000_000_000 == 0 ? nanoseconds : nanoseconds + 1, to: now)
        }
        let (seconds, attoseconds) = delay.components
        let (nanoseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return never }
        let fraction = UInt64(attoseconds / 1_000_000_000)
        let rest: UInt64 = attoseconds % 1_000_000_000 == 0 ? 0 : 1
        let (sum, overflow1) = nanoseconds.addingReportingOverflow(fraction + rest)
        let (deadline, overflow2) = now.addingReportingOverflow(sum)
        return overflow1 || overflow2 ? never : deadline
    }

    /// `now` plus nanoseconds; saturates.
    static func adding(_ nanoseconds: UInt64, to now: UInt64) -> UInt64 {
        let (sum, overflow) = now.addingReportingOverflow(nanoseconds)
        return overflow ? never : sum
    }

    /// The time from `now` until `deadline`; zero if it has passed.
    static func duration(from now: UInt64, to deadline: UInt64) -> Duration {
        deadline <= now ? .zero : .nanoseconds(Int64(clamping: deadline - now))
    }

    // MARK: - Deadlines of code that may run on no loop

    /// The time on a loop's clock, or the system's.
    static func now(of core: LoopCore?) -> UInt64 { core?.poller.now ?? ThreadCondition.now }

    /// An instant of the continuous clock as a deadline; nil is never.
    static func deadline(at instant: ContinuousClock.Instant?, of core: LoopCore?) -> UInt64 {
        guard let instant else { return never }
        if let core, core.isCurrent { return core.deadline(at: instant) }
        return adding(ContinuousClock.now.duration(to: instant), to: now(of: core))
    }

    /// A deadline as an instant of the continuous clock; never is nil.
    static func instant(of deadline: UInt64, of core: LoopCore?) -> ContinuousClock.Instant? {
        if deadline == never { return nil }
        let now = now(of: core)
        return .now + duration(from: now, to: deadline) - duration(from: deadline, to: now)
    }
}
