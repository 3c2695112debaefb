// A point that a number of tasks reach together.

/// A point at which tasks wait until a given number of them has come: asyncio's `Barrier`.
///
/// The one who comes last lets all of them go on, and from that moment the next round begins: those
/// who come now belong to it, even if some of the last round have not run yet. So a round is never
/// half over.
///
/// ## Cancellation
/// *Loses its place*: the others wait for one more. A task that is cancelled counts until it has
/// left; one that is cancelled after the last has come gets through.
///
/// ## Isolation
/// *Any task*; knows no loop.
public final class AsyncBarrier: Sendable {
    private struct State: Sendable {
        var isAborted = false
        var rounds: UInt64 = 0
        let queue = WaiterQueue<Void, Int>()
    }

    private let monitor = Monitor(State())

    /// How many tasks it takes.
    public let parties: Int

    /// A barrier for so many tasks: 1 or more.
    ///
    /// - Throws: ``BarrierError/partiesBelowOne(_:)``: a barrier for nobody has no meaning.
    public init(parties: Int) throws(BarrierError) {
        if parties < 1 { throw .partiesBelowOne(parties) }
        self.parties = parties
    }

    /// Waits until as many tasks have come as the barrier is for.
    ///
    /// - Returns: The task's number in the round, in the order of coming: from 0 to `parties` - 1,
    ///   which is the one who came last. Each round has each number once, so one task can be told
    ///   to clean up.
    /// - Throws: `CancellationError`; ``BarrierError/reset`` and ``BarrierError/aborted``.
    @discardableResult
    public nonisolated(nonsending) func wait() async throws -> Int {
        try await monitor.wait("AsyncBarrier.wait", ()) { state, wakeups, place in
            if let number = try open(&state, &wakeups) { return number }
            state.queue.append(place)
            return nil
        }
    }

    /// Completes the round if the caller is the only one missing.
    ///
    /// - Returns: `parties` - 1; nil if it would have had to wait: then it has not come.
    /// - Throws: ``BarrierError/aborted``.
    public func tryWait() throws(BarrierError) -> Int? {
        try monitor.withLock { state, wakeups throws(BarrierError) in
            try open(&state, &wakeups)
        }
    }

    /// Lets a round go on, of which only the caller was missing.
    private func open(_ state: inout State, _ wakeups: inout Wakeups) throws(BarrierError) -> Int? {
        if state.isAborted { throw .aborted }
        guard state.queue.count == parties - 1 else { return nil }
        var number = 0
        while let place = state.queue.popFirst() {
            wakeups.grant(place, number)
            number += 1
        }
        state.rounds &+= 1
        return number
    }

    /// Fails all who wait with ``BarrierError/reset``, and begins a new round.
    ///
    /// A round whose last task has come is over, and not touched. A barrier that was aborted works
    /// again.
    public func reset() {
        monitor.withLock { state, wakeups in
            state.isAborted = false
            state.queue.failAll(BarrierError.reset, &wakeups)
        }
    }

    /// Fails all who wait, and all who will, with ``BarrierError/aborted``: one of them cannot come.
    public func abort() {
        monitor.withLock { state, wakeups in
            state.isAborted = true
            state.queue.failAll(BarrierError.aborted, &wakeups)
        }
    }

    /// How a barrier stands.
    public struct Statistics: Sendable, Equatable {
        /// Tasks that wait.
        public var waiting: Int
        /// Rounds that are over.
        public var rounds: UInt64
        /// Whether it was aborted.
        public var isAborted: Bool
    }

    /// How the barrier stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                waiting: state.queue.count, rounds: state.rounds, isAborted: state.isAborted)
        }
    }
}

/// A wrong use of a barrier, or its end.
public enum BarrierError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A number of tasks that is no number of tasks to wait for.
    case partiesBelowOne(Int)
    /// The round was given up.
    case reset
    /// The barrier was given up.
    case aborted

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .partiesBelowOne(let count): "a barrier is for one task or more, not for \(count)"
        case .reset: "the barrier was reset"
        case .aborted: "the barrier was aborted"
        }
    }
}
