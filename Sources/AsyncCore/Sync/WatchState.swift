// What a watch knows, apart from the lock that guards it.

/// Which version one receiver has seen.
///
/// Guarded by the watch's monitor.
final class WatchCursor: @unchecked Sendable {
    // SAFETY: guarded by the lock of the monitor of its watch.

    /// Nil counts the present value, whichever it is, as one that has not been seen.
    fileprivate(set) var seen: UInt64?
    fileprivate(set) var isOpen = true

    init(seen version: UInt64) { seen = version }
}

/// The state of a ``Watch``: a value with a version.
///
/// Guarded by the watch's monitor.
struct WatchState<Value: Sendable>: Sendable {
    private(set) var value: Value
    private(set) var version: UInt64 = 0
    private(set) var receivers = 0
    private(set) var isClosed = false
    /// Receivers that have seen the present value.
    ///
    /// A grant says: look again.
    let waiting = WaiterQueue<WatchCursor, Void>()
    /// Wait until there are no receivers.
    let awaitingSolitude = WaiterQueue<Void, Void>()

    init(_ value: Value) { self.value = value }

    // MARK: - Sending

    /// Replaces the value.
    ///
    /// - Returns: The value before, for the caller to let go of without the lock.
    mutating func send(_ value: Value, _ wakeups: inout Wakeups) throws(ChannelError) -> Value {
        if isClosed { throw .closed }
        let before = self.value
        self.value = value
        version &+= 1
        waiting.grantAll((), &wakeups)
        return before
    }

    mutating func close(_ wakeups: inout Wakeups) {
        isClosed = true
        waiting.grantAll((), &wakeups)
    }

    // MARK: - Receiving

    /// A new receiver, that has seen the present value.
    mutating func subscribe() -> WatchCursor {
        receivers += 1
        return WatchCursor(seen: version)
    }

    func hasChanged(for cursor: WatchCursor) -> Bool { cursor.seen != version }

    func markSeen(_ cursor: WatchCursor) { cursor.seen = version }

    func markUnseen(_ cursor: WatchCursor) { cursor.seen = nil }

    /// The present value, if the receiver has not seen it, or wants it all the same.
    ///
    /// - Returns: Nil if it has.
    func receive(
        _ cursor: WatchCursor, evenIfSeen: Bool = false
    ) throws(ChannelError) -> Value? {
        if !cursor.isOpen { throw .closed }
        if evenIfSeen || hasChanged(for: cursor) {
            markSeen(cursor)
            return value
        }
        if isClosed { throw .endOfChannel }
        return nil
    }

    mutating func unsubscribe(_ cursor: WatchCursor, _ wakeups: inout Wakeups) {
        guard cursor.isOpen else { return }
        cursor.isOpen = false
        receivers -= 1
        waiting.failAll(ChannelError.closed, &wakeups) { $0 === cursor }
        if receivers == 0 { awaitingSolitude.grantAll((), &wakeups) }
    }
}
