// A number that one thread counts up, and others may look at.
internal import Synchronization

/// Counts up on one thread at a time; can be read from any.
///
/// A plain load and store, no read-modify-write: the loop's thread is the only one that writes.
struct Counter: ~Copyable, Sendable {
    private let count = Atomic<UInt64>(0)

    /// Adds `amount`, which is not negative.
    ///
    /// Owner thread only.
    @inline(__always)
    func add(_ amount: Int) {
        count.store(count.load(ordering: .relaxed) &+ UInt64(amount), ordering: .relaxed)
    }

    /// The number now.
    ///
    /// Any thread.
    var value: UInt64 { count.load(ordering: .relaxed) }
}
