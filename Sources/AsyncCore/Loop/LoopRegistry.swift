// The loops of the process, for those who ask what waits for what.

/// A way to send a call to a loop that does not keep its core alive.
///
/// Not a weak reference: an object that has ever had one pays for it at each retain and release,
/// and the core is retained all the time.
package final class LoopDoor: Sendable {
    let inbox: Inbox
    private let poller: Poller

    init(inbox: Inbox, poller: Poller) {
        self.inbox = inbox
        self.poller = poller
    }

    /// Asks the loop for the tree of its tasks.
    ///
    /// One that is stuck, or is not run, does not answer.
    package func describeTasks(_ answer: @escaping @Sendable (String) -> Void) {
        post { if let core = LoopCore.current { answer(core.snapshot().description) } }
    }

    /// Runs `call` on the loop, whose core is ``LoopCore/current`` then.
    ///
    /// Dropped if the loop has ended.
    package func post(_ call: @escaping @Sendable () -> Void) {
        if inbox.put(.call(call)) == .queuedAndMustWake { poller.wakeUp() }
    }
}

/// The doors of all loops alive.
///
/// For diagnosis only.
package enum LoopRegistry {
    // SAFETY: `doors` is only looked at, and changed, with `lock` held.

    private static let lock = ThreadLock()
    // SAFETY: `doors` is only looked at, and changed, with `lock` held.
    nonisolated(unsafe) private static var doors: [ObjectIdentifier: LoopDoor] = [:]

    static func add(_ door: LoopDoor) {
        lock.withLock { unsafe doors[ObjectIdentifier(door)] = door }
    }

    static func remove(_ door: LoopDoor) {
        // Taken out of the lock before it is let go: what it frees may take a while.
        let removed = lock.withLock { unsafe doors.removeValue(forKey: ObjectIdentifier(door)) }
        withExtendedLifetime(removed) {}
    }

    package static var all: [LoopDoor] { lock.withLock { unsafe Array(doors.values) } }
}
