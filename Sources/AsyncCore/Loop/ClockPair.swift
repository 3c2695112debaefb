// Two clocks read at the same moment.

/// Turns instants of the continuous clock into deadlines of the monotonic one.
///
/// The two run at the same pace but for the time that the machine is suspended, in which only the
/// continuous one goes on. So one pair of readings serves until they have drifted apart.
struct ClockPair {
    private var continuous = ContinuousClock.now
    private var monotonic: UInt64 = 0

    /// Reads the clocks anew if they have drifted apart by more than a millisecond.
    ///
    /// The continuous clock is read first, so deadlines err towards later: a timer is never early.
    mutating func refresh(_ readMonotonic: () -> UInt64) {
        let instant = ContinuousClock.now
        let now = readMonotonic()
        let expected = Monotonic.adding(continuous.duration(to: instant), to: monotonic)
        let drift = expected > now ? expected - now : now - expected
        if drift > 1_000_000 || monotonic == 0 {
            continuous = instant
            monotonic = now
        }
    }

    func deadline(at instant: ContinuousClock.Instant) -> UInt64 {
        Monotonic.adding(continuous.duration(to: instant), to: monotonic)
    }
}
