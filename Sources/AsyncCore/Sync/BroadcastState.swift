// What a broadcast knows, apart from the lock that guards it.

/// Where one receiver stands.
///
/// Guarded by the broadcast's monitor.
final class BroadcastCursor: @unchecked Sendable {
    // SAFETY: guarded by the lock of the monitor of its broadcast.

    /// The number of the element that it receives next.
    fileprivate(set) var position: UInt64
    fileprivate(set) var isOpen = true

    init(at position: UInt64) { self.position = position }
}

/// The state of a ``Broadcast``: the elements that somebody has yet to receive.
///
/// Guarded by the broadcast's monitor. Elements are numbered. An element is kept until all who were
/// receivers when it was sent have received it, or it is one more than the capacity. As every
/// receiver goes from older to newer ones, an element has been received by no fewer than the next.
struct BroadcastState<Element: Sendable>: Sendable {
    private struct Kept: Sendable {
        let element: Element
        /// Receivers that have yet to receive it.
        var pending: Int
    }

    let capacity: Int
    /// The elements from number `oldest` on.
    private let kept = ElementRing<Kept>()
    /// How many were sent: the number of the next.
    private(set) var sent: UInt64 = 0
    private(set) var receivers = 0
    private(set) var isClosed = false
    /// Receivers that have received everything.
    let waiting = WaiterQueue<BroadcastCursor, Element>()

    init(capacity: Int) { self.capacity = capacity }

    /// The number of the oldest element that is kept.
    private var oldest: UInt64 { sent &- UInt64(kept.count) }

    /// How many elements are kept.
    var count: Int { kept.count }

    // MARK: - Sending

    /// What came of a send.
    struct Sent: Sendable {
        /// How many receive the element, sooner or later.
        var receivers = 0
        /// The element that made room for it, for the caller to let go of without the lock.
        var dropped: Element?
    }

    mutating func send(
        _ element: Element, _ wakeups: inout Wakeups
    ) throws(ChannelError) -> Sent {
        if isClosed { throw .closed }
        let pending = receivers - handOver(element, &wakeups)
        sent &+= 1
        var result = Sent(receivers: receivers)
        if pending > 0 {
            kept.append(Kept(element: element, pending: pending))
            if kept.count > capacity { result.dropped = kept.removeFirst()?.element }
        }
        return result
    }

    /// Gives the element to the receivers that wait for it; says how many did.
    private func handOver(_ element: Element, _ wakeups: inout Wakeups) -> Int {
        var served = 0
        for _ in 0..<waiting.count {
            guard let place = waiting.popFirst() else { break }
            let cursor = place.request
            if cursor.position != sent {
                // Another task that waits at the same receiver has it.
                waiting.append(place)
            } else if wakeups.grant(place, element) {
                cursor.position &+= 1
                served += 1
            }
        }
        return served
    }

    mutating func close(_ wakeups: inout Wakeups) {
        isClosed = true
        waiting.failAll(ChannelError.endOfChannel, &wakeups)
    }

    // MARK: - Receiving

    /// A new receiver, of what is sent from now on.
    mutating func subscribe() -> BroadcastCursor {
        receivers += 1
        return BroadcastCursor(at: sent)
    }

    /// Hands out the receiver's next element, or lets the task queue.
    mutating func receive(
        _ cursor: BroadcastCursor, _ place: WaiterQueue<BroadcastCursor, Element>.Place?
    ) throws(ChannelError) -> Element? {
        if !cursor.isOpen { throw .closed }
        if cursor.position < oldest {
            let missed = oldest - cursor.position
            cursor.position = oldest
            throw .lagged(by: Int(missed))
        }
        if cursor.position < sent {
            let element = kept[Int(cursor.position - oldest)].element
            // The ring's own copy goes here, and is never the last one.
            _ = pass(cursor)
            return element
        }
        if isClosed { throw .endOfChannel }
        waiting.append(place)
        return nil
    }

    /// Closes a receiver.
    ///
    /// - Returns: The elements that only it had yet to receive, for the caller to let go of without
    ///   the lock.
    mutating func unsubscribe(_ cursor: BroadcastCursor, _ wakeups: inout Wakeups) -> [Element] {
        guard cursor.isOpen else { return [] }
        cursor.isOpen = false
        receivers -= 1
        waiting.failAll(ChannelError.closed, &wakeups) { $0 === cursor }
        cursor.position = max(cursor.position, oldest)
        var dropped: [Element] = []
        while cursor.position < sent {
            if let element = pass(cursor) { dropped.append(element) }
        }
        return dropped
    }

    /// Moves a receiver past an element.
    ///
    /// - Returns: The element, if it was the last to receive it.
    private func pass(_ cursor: BroadcastCursor) -> Element? {
        let offset = Int(cursor.position - oldest)
        cursor.position &+= 1
        kept[offset].pending -= 1
        return kept[0].pending == 0 ? kept.removeFirst()?.element : nil
    }
}
