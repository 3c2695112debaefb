// When there was no progress for a time: looked at now and then, so that progress itself costs nothing.

/// What is known of the progress, apart from the lock that guards it.
struct IdleState: Sendable {
    let limit: UInt64
    /// Nothing before the first look.
    private var seen: UInt64?
    private var unchangedSince: UInt64 = 0

    init(limit: UInt64) { self.limit = limit }

    /// The time between two looks, and so the precision.
    private var interval: UInt64 { max(limit / 4, 1) }

    /// Compares the progress with what was seen last: when to look again; nil if there was none for
    /// long enough.
    ///
    /// The time counts from the first look.
    mutating func look(at progress: UInt64, now: UInt64) -> UInt64? {
        if progress != seen {
            seen = progress
            unchangedSince = now
        }
        let end = Monotonic.adding(limit, to: unchangedSince)
        return now >= end ? nil : min(end, Monotonic.adding(interval, to: now))
    }
}

/// Watches a number that changes with each progress.
///
/// Any thread.
final class IdleWatch: Sendable {
    private let progress: @Sendable () -> UInt64
    private let monitor: Monitor<IdleState>

    /// - Parameters:
    ///   - limit: How long there may be no progress.
    ///   - progress: The number; called without a lock.
    init(limit: Duration, _ progress: @escaping @Sendable () -> UInt64) {
        self.progress = progress
        monitor = Monitor(IdleState(limit: Monotonic.adding(limit, to: 0)))
    }

    /// When to look again; nil if there was no progress for long enough.
    func look(now: UInt64) -> UInt64? {
        let progress = progress()
        return monitor.withLock { state in state.look(at: progress, now: now) }
    }
}
