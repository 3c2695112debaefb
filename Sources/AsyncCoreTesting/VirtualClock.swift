// Virtual time as a clock, for code that is given one.
internal import AsyncCore

/// The clock of the loop on virtual time that runs the caller.
///
/// For code that takes `any Clock<Duration>` or a generic clock. Code that reads `ContinuousClock`
/// itself reads real time.
///
/// ## Isolation
/// On a loop on virtual time only.
public struct VirtualClock: Clock, Sendable {
    /// A moment of virtual time.
    public struct Instant: InstantProtocol {
        /// Time since the run began.
        public let sinceStart: Duration

        /// A moment so long after the beginning of a run.
        public init(sinceStart: Duration) { self.sinceStart = sinceStart }

        /// The moment so much later.
        public func advanced(by duration: Duration) -> Instant {
            Instant(sinceStart: sinceStart + duration)
        }

        /// The time from this moment to another one.
        public func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }

        /// Whether one moment is before another.
        public static func < (left: Instant, right: Instant) -> Bool {
            left.sinceStart < right.sinceStart
        }
    }

    /// The clock of whatever run the caller is in.
    public init() {}

    /// The moment that it is.
    public var now: Instant { Instant(sinceStart: VirtualTime.now) }

    /// One nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends until `deadline`.
    ///
    /// ## Cancellation
    /// Ends the sleep at once, with `CancellationError`.
    ///
    /// - Parameters:
    ///   - deadline: When to go on.
    ///   - tolerance: Not used: virtual time is exact.
    /// - Throws: `CancellationError`; `EventLoopError.stopped`.
    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try await AsyncCore.sleep(for: now.duration(to: deadline))
    }
}
