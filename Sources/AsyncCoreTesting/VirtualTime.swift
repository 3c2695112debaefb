// The clock of a run on virtual time, for the code that runs there.
internal import AsyncCore

/// Time that only goes by when nothing can run.
///
/// ``withVirtualTime(_:_:)`` and ``withSeeds(_:options:_:)`` run a body on a loop of
/// its own whose clock stands still while any task can run, and jumps to the next deadline when
/// none can. Everything that waits for time on that loop goes by it: `sleep`, `withTimeout`,
/// `withDeadline`, and plain `Task.sleep`. So an hour of sleep takes no time, and a test of a
/// timeout is exact.
///
/// The members may be used on such a loop only.
public enum VirtualTime {
    /// Time since the run began.
    ///
    /// - Precondition: The caller runs on a loop on virtual time.
    public static var now: Duration {
        guard let now = loop("now").virtualTime else { preconditionFailure("no virtual time") }
        return now
    }

    /// Moves time on, from deadline to deadline, and lets run at each of them what can run.
    ///
    /// Returns when time has come that far, and every other task is blocked. For runs with
    /// ``Options/jumps`` switched off it is the only thing that moves time.
    ///
    /// ## Cancellation
    /// *Partial*: time stays where it has come to.
    ///
    /// - Parameter duration: How far; zero or less lets run what can run.
    /// - Throws: `CancellationError`; `EventLoopError.stopped`.
    /// - Precondition: The caller runs on a loop on virtual time.
    public nonisolated(nonsending) static func advance(by duration: Duration) async throws {
        try await loop("advance(by:)").advanceVirtualTime(by: duration)
    }

    /// Keeps time from jumping while `body` waits for something that the loop cannot see.
    ///
    /// The loop sees its own tasks, timers and descriptors. It does not see what other threads,
    /// other loops and other processes do: while a task waits for those, time would jump, and
    /// timeouts expire at once. Inside `hold` the loop waits for them in real time.
    ///
    /// ## Cancellation
    /// The body's own.
    ///
    /// - Parameter body: Waits for the work elsewhere.
    /// - Returns: The body's value.
    /// - Throws: The body's error.
    /// - Precondition: The caller runs on a loop on virtual time.
    public nonisolated(nonsending) static func hold<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async rethrows -> R {
        let loop = loop("hold")
        loop.holdVirtualTime()
        defer { loop.releaseVirtualTime() }
        return try await body()
    }

    /// A number that two runs share if they did the same things in the same order at the same
    /// times, as far as the loop can tell.
    ///
    /// A run whose fingerprint differs from that of another run with the same seed depends on
    /// something else: another thread, the real clock, unseeded random numbers.
    ///
    /// - Precondition: The caller runs on a loop on virtual time.
    public static var fingerprint: UInt64 {
        guard let fingerprint = loop("fingerprint").fingerprint else {
            preconditionFailure("no virtual time")
        }
        return fingerprint
    }

    /// The seed of the run's order, if it has one.
    ///
    /// - Precondition: The caller runs on a loop on virtual time.
    public static var seed: UInt64? { loop("seed").seed }

    static func loop(_ member: StaticString) -> EventLoop {
        guard let loop = EventLoop.current, loop.isSimulated else {
            preconditionFailure(
                "\(member) was used outside of virtual time; use it inside withVirtualTime or withSeeds, on their loop"
            )
        }
        return loop
    }
}

/// Suspends until every other task of the loop is blocked: none can run, and the kernel has nothing
/// for them.
///
/// It comes before a jump of time. If several tasks wait so, those with the shortest cushion go
/// first, together.
///
/// ## Cancellation
/// Ends the wait at once, with `CancellationError`.
///
/// - Parameter cushion: For how long, in virtual time, the others must have been blocked.
/// - Throws: `CancellationError`; `EventLoopError.stopped`.
/// - Precondition: The caller runs on a loop on virtual time.
public nonisolated(nonsending) func waitUntilAllBlocked(cushion: Duration = .zero) async throws {
    try await VirtualTime.loop("waitUntilAllBlocked").waitUntilAllBlocked(cushion: cushion)
}
