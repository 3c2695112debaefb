// What a channel knows, apart from the lock that guards it.

/// The state of a ``Channel``: an exchange, how many ends are open, and how it ended.
///
/// Guarded by the channel's monitor. The channel is at its end once nobody can send any more: no
/// sender is open, or the receivers refuse; and no slot is reserved. Takers wait only before that.
@usableFromInline
struct ChannelState<Element: Sendable>: Sendable {
    @usableFromInline typealias Giver = WaiterQueue<Exchange<Element>.Offer, Void>.Place
    @usableFromInline typealias Taker = WaiterQueue<ObjectIdentifier, Element>.Place

    @usableFromInline var exchange: Exchange<Element>
    var senders = 1
    @usableFromInline var receivers = 1
    /// The receivers want no more than what was sent or promised before.
    @usableFromInline var isRefusing = false
    /// What a sender gave as the reason of the end.
    var failure: (any Error)?

    init(capacity: Int) { exchange = Exchange(capacity: capacity, order: .oldest) }

    /// Whether nothing can be sent any more, be it because nobody could get it.
    @inlinable
    var refusesSends: Bool { receivers == 0 || isRefusing }

    private var nobodySends: Bool { (senders == 0 || isRefusing) && exchange.reserved == 0 }

    /// Why nothing will come any more; nil before the end.
    @usableFromInline
    var end: (any Error)? { nobodySends ? failure ?? ChannelError.endOfChannel : nil }

    // MARK: - Sending

    /// Takes an element over, or lets its task queue.
    @inlinable
    mutating func send(
        _ element: Element, _ place: Giver?, _ wakeups: inout Wakeups
    ) throws(ChannelError) -> Void? {
        if refusesSends { throw .noReceivers }
        if exchange.give(element, priority: 0, &wakeups) { return () }
        exchange.givers.append(place)
        return nil
    }

    /// Reserves slots, or lets the task queue.
    mutating func reserve(_ count: Int, _ place: Giver?) throws(ChannelError) -> Void? {
        if refusesSends { throw .noReceivers }
        if exchange.reserve(count) { return () }
        exchange.givers.append(place)
        return nil
    }

    /// Sends into a reserved slot.
    mutating func sendReserved(
        _ element: Element, _ wakeups: inout Wakeups
    ) throws(ChannelError) {
        if receivers == 0 {
            unreserve(1, &wakeups)
            throw .noReceivers
        }
        exchange.giveReserved(element, &wakeups)
        endReceives(&wakeups)
    }

    /// Gives reserved slots back.
    mutating func unreserve(_ count: Int, _ wakeups: inout Wakeups) {
        exchange.unreserve(count, &wakeups)
        endReceives(&wakeups)
    }

    mutating func closeSender(
        _ end: ObjectIdentifier, _ failure: (any Error)?, _ wakeups: inout Wakeups
    ) {
        senders -= 1
        if self.failure == nil { self.failure = failure }
        exchange.givers.failAll(ChannelError.closed, &wakeups) { $0.end == end }
        exchange.serve(&wakeups)
        endReceives(&wakeups)
    }

    // MARK: - Receiving

    /// Hands an element out, or lets the task queue.
    @inlinable
    mutating func receive(_ place: Taker?, _ wakeups: inout Wakeups) throws -> Element? {
        if let element = exchange.take(&wakeups) { return element }
        if let end { throw end }
        exchange.takers.append(place)
        return nil
    }

    /// Refuses what is not promised yet.
    mutating func refuse(_ wakeups: inout Wakeups) {
        isRefusing = true
        exchange.givers.failAll(ChannelError.noReceivers, &wakeups)
        endReceives(&wakeups)
    }

    /// Closes an end.
    ///
    /// - Returns: The elements that nobody will receive, for the caller to let go of without the
    ///   lock.
    mutating func closeReceiver(
        _ end: ObjectIdentifier, _ wakeups: inout Wakeups
    ) -> [Element] {
        receivers -= 1
        exchange.takers.failAll(ChannelError.closed, &wakeups) { $0 == end }
        if receivers > 0 { return [] }
        exchange.givers.failAll(ChannelError.noReceivers, &wakeups)
        return exchange.buffer.removeAll()
    }

    private mutating func endReceives(_ wakeups: inout Wakeups) {
        if let end { exchange.takers.failAll(end, &wakeups) }
    }
}
