// How a loop under test is set up.

/// Time and order of a loop under test.
///
/// See ``Simulation``.
package struct SimulationOptions: Sendable {
    /// Chooses the order of ready jobs; nil for the order of every loop.
    package var seed: UInt64?

    /// Whether time jumps to the next deadline when nothing can run; if not, only the test moves
    /// it.
    package var jumps = true

    /// How long, in real nanoseconds, nothing must come from the kernel before time jumps while a
    /// task waits for a descriptor.
    package var cushion: UInt64 = 200_000

    /// How long, in real nanoseconds, nothing must happen before the loop gives up on tasks that
    /// wait for what cannot come.
    package var patience: UInt64 = 1_000_000_000

    package init() {}
}
