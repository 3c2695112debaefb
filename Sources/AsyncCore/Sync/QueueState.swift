// What a queue knows, apart from the lock that guards it.

/// The state of an ``AsyncQueue``: an exchange, its end, and the count of what is not done yet.
///
/// Guarded by the queue's monitor.
@usableFromInline
struct QueueState<Element: Sendable>: Sendable {
    @usableFromInline typealias Giver = WaiterQueue<Exchange<Element>.Offer, Void>.Place
    @usableFromInline typealias Taker = WaiterQueue<ObjectIdentifier, Element>.Place

    @usableFromInline var exchange: Exchange<Element>
    @usableFromInline var isShutDown = false
    /// Elements that somebody has reported as done, or that a shutdown dropped.
    var done: UInt64 = 0
    /// Wait until nothing is unfinished.
    let joining = WaiterQueue<Void, Void>()

    @usableFromInline
    init(capacity: Int, order: OrderedBuffer<Element>.Order) {
        exchange = Exchange(capacity: capacity, order: order)
    }

    /// Elements that came in and are not done.
    var unfinished: Int { Int(exchange.received &- done) }

    /// Takes an element over, or lets its task queue.
    @inlinable
    mutating func put(
        _ element: Element, priority: Int, _ place: Giver?, _ wakeups: inout Wakeups
    ) throws(QueueError) -> Void? {
        if isShutDown { throw .shutDown }
        if exchange.give(element, priority: priority, &wakeups) { return () }
        exchange.givers.append(place)
        return nil
    }

    /// Hands an element out, or lets the task queue.
    @inlinable
    mutating func get(_ place: Taker?, _ wakeups: inout Wakeups) throws(QueueError) -> Element? {
        if let element = exchange.take(&wakeups) { return element }
        if isShutDown { throw .shutDown }
        exchange.takers.append(place)
        return nil
    }

    /// One element is done.
    mutating func markDone(_ wakeups: inout Wakeups) throws(QueueError) {
        if unfinished == 0 { throw .taskDoneTooOften }
        done &+= 1
        endJoins(&wakeups)
    }

    /// Ends the queue.
    ///
    /// - Returns: The elements that were dropped, for the caller to let go of without the lock.
    mutating func shutDown(immediately: Bool, _ wakeups: inout Wakeups) -> [Element] {
        isShutDown = true
        exchange.givers.failAll(QueueError.shutDown, &wakeups)
        exchange.takers.failAll(QueueError.shutDown, &wakeups)
        guard immediately else { return [] }
        let dropped = exchange.buffer.removeAll()
        done &+= UInt64(dropped.count)
        endJoins(&wakeups)
        return dropped
    }

    private func endJoins(_ wakeups: inout Wakeups) {
        if unfinished == 0 { joining.grantAll((), &wakeups) }
    }
}
