// What other threads want from the loop.
internal import Synchronization

/// The way into a loop from other threads: many producers, one consumer, at most one wake-up a
/// sleep.
///
/// Invariant, under the lock: `isAsleep` is true only if the loop will look at its event descriptor
/// before it looks at `items` again; whoever finds it true clears it and wakes the loop. So a loop
/// never sleeps over an item, and the second to N-th item of a sleep cost no system call.
final class Inbox: @unchecked Sendable {
    // SAFETY: `items` and `isClosed` are guarded by `lock`. `count` and `isAsleep` are atomics so that
    // the loop may look at them without it.
    enum Item {
        case job(ReadyJob)
        case call(@Sendable () -> Void)
    }

    /// Where an item went.
    enum Route {
        case queued
        case queuedAndMustWake
        case closed  // the loop has parked: the caller finds the item another home
    }

    private let lock = ThreadLock()
    private var items: [Item] = []
    private var isClosed = false
    private let count = Atomic<Int>(0)
    private let isAsleep = Atomic<Bool>(false)

    /// Items put in since the loop was made.
    ///
    /// For statistics and tests.
    private let received = Atomic<UInt64>(0)

    /// Items that the loop has not taken yet.
    var queuedCount: Int { count.load(ordering: .relaxed) }

    var receivedCount: UInt64 { received.load(ordering: .relaxed) }

    /// Any thread.
    ///
    /// Runs nothing.
    func put(_ item: Item) -> Route {
        lock.lock()
        defer { lock.unlock() }
        if isClosed { return .closed }
        items.append(item)
        count.store(items.count, ordering: .relaxed)
        received.store(received.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        if isAsleep.load(ordering: .relaxed) {
            isAsleep.store(false, ordering: .relaxed)
            return .queuedAndMustWake
        }
        return .queued
    }

    /// Loop thread.
    ///
    /// Exchanges the items for an empty array that keeps its memory.
    func takeAll(into batch: inout [Item]) {
        if count.load(ordering: .relaxed) == 0 { return }
        lock.withLock {
            swap(&items, &batch)
            count.store(0, ordering: .relaxed)
        }
    }

    /// Loop thread.
    ///
    /// True if nothing is there: then the next item wakes the loop.
    func prepareToSleep() -> Bool {
        lock.withLock {
            if !items.isEmpty { return false }
            isAsleep.store(true, ordering: .relaxed)
            return true
        }
    }

    /// Loop thread, after a sleep.
    ///
    /// A producer that is just looking at the flag may still send one wake-up too many.
    func wokeUp() { isAsleep.store(false, ordering: .relaxed) }

    /// Loop thread.
    ///
    /// From here on ``put(_:)`` answers `closed`. Returns false, and closes nothing, if items are
    /// left.
    func closeIfEmpty() -> Bool {
        lock.withLock {
            if !items.isEmpty { return false }
            isClosed = true
            return true
        }
    }
}
