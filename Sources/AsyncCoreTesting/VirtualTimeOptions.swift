// How a run on virtual time is set up.
public import AsyncCore

extension VirtualTime {
    /// How a run on virtual time is set up.
    public struct Options: Sendable {
        /// Chooses the order in which ready tasks run, the budgets of operations, and when the
        /// kernel is asked; nil for the order of every loop: first in, first out.
        public var seed: UInt64?

        /// Whether time jumps to the next deadline when no task can run; true by default.
        ///
        /// If not, only ``VirtualTime/advance(by:)`` moves it.
        public var jumps = true

        /// How long, in real time, the kernel must have nothing to tell before time jumps while a
        /// task waits for a descriptor; 0.2 ms by default.
        ///
        /// What a peer on the same loop sends is there at once. For peers elsewhere use
        /// ``VirtualTime/hold(_:)``, or a longer cushion.
        public var cushion: Duration = .microseconds(200)

        /// How long, in real time, nothing must happen before tasks that wait for what cannot come
        /// fail the run with ``RanDry``; one second by default.
        public var patience: Duration = .seconds(1)

        /// How the loop is set up in other respects.
        ///
        /// Its `onUnhandledError` is not used: an error that nobody looked at fails the run.
        /// Signals are left alone.
        public var loop = EventLoop.Configuration()

        /// Time that jumps, and the order of every loop.
        public init() {}

        /// Time that jumps, and an order that the seed chooses.
        public init(seed: UInt64) { self.seed = seed }
    }
}
