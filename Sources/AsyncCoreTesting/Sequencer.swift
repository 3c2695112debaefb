// An order that a test sets for its tasks.
internal import AsyncCore

/// Runs numbered blocks of different tasks in the order of their numbers, whatever the order of the
/// tasks.
///
/// Block 0 runs at once, block 1 when block 0 has ended, and so on. So a test can play through one
/// interleaving of its tasks exactly:
///
/// ```swift
/// let sequencer = Sequencer()
/// spawn {
///     try await sequencer.run(at: 0) { try await first() }
///     try await sequencer.run(at: 2) { try await third() }
/// }
/// try await sequencer.run(at: 1) { try await second() }
/// ```
///
/// If a task is cancelled while it waits for its block, the order cannot be kept any more: the
/// sequence breaks, and every other block that has not begun fails with
/// ``SequencerError/broken``. A block that fails does not break it.
///
/// ## Isolation
/// *Any task*; knows no loop.
public final class Sequencer: Sendable {
    private struct State: Sendable {
        /// The block that may run, or runs.
        var next = 0
        var taken: Set<Int> = []
        var waiting: [Int: WaiterQueue<Void, Void>] = [:]
        var isBroken = false
    }

    private let monitor = Monitor(State())

    /// A sequence whose first block is number 0.
    public init() {}

    /// Waits until the block before has ended, runs `body`, and lets the next block run, however
    /// this one ends.
    ///
    /// ## Cancellation
    /// While it waits, it breaks the sequence; while `body` runs, it is the body's own.
    ///
    /// - Parameters:
    ///   - position: The number of the block, from 0 on; each is used once.
    ///   - body: The block.
    /// - Returns: The body's value.
    /// - Throws: ``SequencerError``; `CancellationError`; the body's error.
    /// - Precondition: The position is not negative.
    @discardableResult
    public nonisolated(nonsending) func run<R>(
        at position: Int, _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        precondition(position >= 0, "the blocks of a sequence are numbered from 0")
        try take(position)
        try await wait(position)
        defer { finish(position) }
        return try await body()
    }

    private func take(_ position: Int) throws(SequencerError) {
        try monitor.withLock { state throws(SequencerError) in
            if state.isBroken { throw .broken }
            guard state.taken.insert(position).inserted else { throw .usedTwice(position) }
        }
    }

    private nonisolated(nonsending) func wait(_ position: Int) async throws {
        do {
            try await monitor.wait("Sequencer.run", ()) { state, _, place in
                if state.isBroken { throw SequencerError.broken }
                if state.next == position { return () }
                guard let place else { return nil }
                let queue = WaiterQueue<Void, Void>()
                queue.append(place)
                state.waiting[position] = queue
                return nil
            }
        } catch let error as CancellationError {
            breakOff()
            throw error
        }
    }

    private func finish(_ position: Int) {
        monitor.withLock { state, wakeups in
            state.next = position + 1
            state.waiting.removeValue(forKey: position + 1)?.grantFirst((), &wakeups)
        }
    }

    private func breakOff() {
        monitor.withLock { state, wakeups in
            state.isBroken = true
            for queue in state.waiting.values { queue.failAll(SequencerError.broken, &wakeups) }
            state.waiting = [:]
        }
    }
}

/// A sequence that cannot be kept.
public enum SequencerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A task was cancelled while it waited for its block.
    case broken
    /// Two blocks have the same number.
    case usedTwice(Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .broken: "the sequence is broken: a task was cancelled while it waited for its block"
        case .usedTwice(let position): "the sequence has two blocks with number \(position)"
        }
    }
}
