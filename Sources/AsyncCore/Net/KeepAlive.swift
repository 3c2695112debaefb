// Probes on a connection that is idle.

/// How TCP finds out that the other end of an idle connection is gone: after a time without traffic
/// it sends probes, and gives the connection up when none is answered.
///
/// Reads then fail with `.timedOut`, at the latest `idle + interval * count` after the last sign of
/// life. While something is unsent TCP does not probe: see ``SocketOption/userTimeout``.
public struct KeepAlive: Hashable, Sendable {
    /// How long the connection is idle before the first probe.
    public let idle: Duration

    /// The time between two probes.
    public let interval: Duration

    /// How many probes go unanswered before the connection is given up.
    public let count: Int

    /// How to probe.
    ///
    /// TCP counts whole seconds here; a fraction is rounded up.
    ///
    /// - Parameters:
    ///   - idle: How long the connection is idle before the first probe.
    ///   - interval: The time between two probes.
    ///   - count: How many probes go unanswered before the connection is given up.
    /// - Precondition: `idle` and `interval` are more than zero, and 32,767 seconds at most; `count`
    ///   is 1 to 127.
    public init(
        idle: Duration = .seconds(60), interval: Duration = .seconds(15), count: Int = 4
    ) {
        precondition(Self.range.contains(idle), "keep-alive after \(idle) without traffic")
        precondition(Self.range.contains(interval), "a keep-alive probe every \(interval)")
        precondition((1...127).contains(count), "\(count) keep-alive probes")
        self.idle = .seconds(idle.units(of: .seconds(1)))
        self.interval = .seconds(interval.units(of: .seconds(1)))
        self.count = count
    }

    /// What the kernel says, whatever its defaults are.
    init(reading idle: Int, _ interval: Int, _ count: Int) {
        self.idle = .seconds(idle)
        self.interval = .seconds(interval)
        self.count = count
    }

    private static let range: ClosedRange<Duration> = .nanoseconds(1) ... .seconds(32_767)
}

extension Duration {
    /// How many of `unit` it takes to fill the duration, which is not negative.
    func units(of unit: Duration) -> Int {
        Int(clamping: (attoseconds + unit.attoseconds - 1) / unit.attoseconds)
    }
}
