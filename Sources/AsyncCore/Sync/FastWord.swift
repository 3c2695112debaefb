// The state of a primitive in one atomic word, for as long as nobody waits.
//
// A lock for threads costs more than all that an uncontended primitive does under it. So what is
// free, or who holds it, is kept in a word beside the monitor. The word's lowest bit is its *guard*.
//
//     open (guard clear)     any thread changes the value, by compare-exchange: `tryChange`
//     guarded (guard set)    only the holder of the monitor's lock changes it: `shut`, `put`
//
// Who can win, where somebody is about to wait and somebody else gives back:
//
// - The one who will wait holds the lock and shuts the word, in one atomic step that also tells the
//   value. If the other's compare-exchange came before that step, the value shows what was given
//   back, and nobody waits. If it comes after, it fails: the giver takes the lock, which it gets
//   when the other stands in the queue, and hands over. There is no third order, so nothing is lost
//   between the look and the wait.
// - Whoever puts the word back, still under the lock, leaves the guard set while anybody is queued
//   (or the primitive is closed). So with a queue every taker fails here, and joins it: nobody
//   overtakes, and what is handed over is never seen as free.
// - Two that change an open word decide it between them; the loser sees the winner's value.
//
// The exchanges acquire and release: what the last holder wrote is seen by the next.
internal import Synchronization

/// A number below 2^63 that is changed without a lock while nobody waits.
struct FastWord: ~Copyable, Sendable {
    private let word: Atomic<UInt>

    private static var guardBit: UInt { 1 }

    init(_ value: UInt) { word = Atomic(value << 1) }

    /// Replaces the value by what `next` makes of it.
    ///
    /// Any thread.
    ///
    /// - Returns: False if `next` gave nil, or the word is guarded: then the caller takes the
    ///   monitor's lock, and decides there.
    @inline(__always)
    func tryChange(_ next: (UInt) -> UInt?) -> Bool {
        var seen = word.load(ordering: .relaxed)
        while seen & Self.guardBit == 0, let value = next(seen >> 1) {
            let (won, now) = word.compareExchange(
                expected: seen, desired: value << 1, successOrdering: .acquiringAndReleasing,
                failureOrdering: .relaxed)
            if won { return true }
            seen = now
        }
        return false
    }

    /// Sets the guard, and tells the value, which is the caller's alone until it puts it back.
    ///
    /// Under the monitor's lock only.
    @inline(__always)
    func shut() -> UInt {
        word.bitwiseOr(Self.guardBit, ordering: .acquiringAndReleasing).oldValue >> 1
    }

    /// Ends what ``shut()`` began, with a new value.
    ///
    /// Under the monitor's lock only.
    @inline(__always)
    func put(_ value: UInt, staysShut: Bool) {
        word.store(value << 1 | (staysShut ? Self.guardBit : 0), ordering: .releasing)
    }

    /// The value at some moment.
    ///
    /// Any thread.
    @inline(__always)
    var value: UInt { word.load(ordering: .acquiring) >> 1 }
}
