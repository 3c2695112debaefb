// What a queue and a channel have in common: a buffer, those who want to give, those who want to take.

/// The state of a hand-over between tasks, with a bound.
///
/// Guarded by the monitor of its owner; pure but for the tasks that it makes ready. Three rules keep
/// it fair, and keep tasks from waiting in vain:
///
/// - A taker waits only if the buffer is empty and the first giver, if any, offers no element.
/// - A giver waits only if there is no room for it, or another one waits before it.
/// - What becomes free goes to the first that waits, at once, in the same critical section; so
///   nobody who comes in between can have it.
///
/// A taker that waits and is given an element has it, also if it is cancelled before it runs.
@usableFromInline
struct Exchange<Element: Sendable>: Sendable {
    /// What a giver waits for.
    @usableFromInline
    enum Wish: Sendable {
        /// That its element is taken over.
        case element(Element, priority: Int)
        /// That so many slots are its own.
        case slots(Int)
    }

    /// A giver that waits, and what for.
    @usableFromInline
    struct Offer: Sendable {
        let wish: Wish
        /// The object through which it gives.
        let end: ObjectIdentifier

        @usableFromInline
        init(_ wish: Wish, of end: ObjectIdentifier) {
            self.wish = wish
            self.end = end
        }
    }

    @usableFromInline typealias Givers = WaiterQueue<Offer, Void>
    /// A taker is known by the object through which it takes.
    @usableFromInline typealias Takers = WaiterQueue<ObjectIdentifier, Element>

    /// How many elements and reserved slots there may be.
    @usableFromInline let capacity: Int
    @usableFromInline var buffer: OrderedBuffer<Element>
    /// Slots that are free, and promised to somebody.
    @usableFromInline var reserved = 0
    /// Elements that came in, ever.
    @usableFromInline var received: UInt64 = 0
    @usableFromInline let givers = Givers()
    @usableFromInline let takers = Takers()

    @usableFromInline
    init(capacity: Int, order: OrderedBuffer<Element>.Order) {
        self.capacity = capacity
        buffer = OrderedBuffer(order)
    }

    /// Slots that nobody has; below zero for a moment, if an element went past the buffer.
    @inlinable
    var free: Int { capacity &- buffer.count &- reserved }

    /// Takes an element over, if there is room and nobody waits before.
    ///
    /// - Returns: False if there is none; then the element stays with the caller.
    @inlinable
    mutating func give(_ element: Element, priority: Int, _ wakeups: inout Wakeups) -> Bool {
        if !givers.isEmpty { return false }
        if !takers.isEmpty, takers.grantFirst(element, &wakeups) {
            received &+= 1
            return true
        }
        if free <= 0 { return false }
        buffer.insert(element, priority: priority)
        received &+= 1
        return true
    }

    /// Hands an element out, and what that makes room for to those who wait.
    ///
    /// - Returns: Nil if there is none.
    @inlinable
    mutating func take(_ wakeups: inout Wakeups) -> Element? {
        guard let element = buffer.removeNext() else { return takeFromGiver(&wakeups) }
        if !givers.isEmpty { serve(&wakeups) }
        return element
    }

    /// Takes what the first giver offers, past the buffer.
    @usableFromInline
    mutating func takeFromGiver(_ wakeups: inout Wakeups) -> Element? {
        while let giver = givers.first, case .element(let element, _) = giver.request.wish {
            givers.remove(giver)
            if wakeups.grant(giver, ()) {
                received &+= 1
                return element
            }
        }
        return nil
    }

    /// Hands out at most `limit` elements that are there.
    mutating func take(upTo limit: Int, into elements: inout [Element], _ wakeups: inout Wakeups) {
        while elements.count < limit, let element = take(&wakeups) { elements.append(element) }
    }

    /// Takes over an element for which a slot was reserved.
    mutating func giveReserved(_ element: Element, _ wakeups: inout Wakeups) {
        reserved -= 1
        received &+= 1
        if takers.grantFirst(element, &wakeups) {
            serve(&wakeups)
        } else {
            buffer.insert(element, priority: 0)
        }
    }

    /// Reserves slots, if they are free and nobody waits before.
    mutating func reserve(_ count: Int) -> Bool {
        guard count == 0 || (givers.isEmpty && count <= free) else { return false }
        reserved += count
        return true
    }

    /// Gives reserved slots back.
    mutating func unreserve(_ count: Int, _ wakeups: inout Wakeups) {
        reserved -= count
        serve(&wakeups)
    }

    /// Hands what there is to those who wait, in order, as far as it suffices.
    ///
    /// To be called when slots became free, and when a giver left.
    @usableFromInline
    mutating func serve(_ wakeups: inout Wakeups) {
        while let giver = givers.first {
            switch giver.request.wish {
            case .element(let element, let priority):
                // For a taker no slot is needed. Should it be cancelled at this very moment, the
                // element stays in the buffer, above the capacity, for the next.
                if free <= 0 && takers.isEmpty { return }
                givers.remove(giver)
                if !wakeups.grant(giver, ()) { continue }
                received &+= 1
                if takers.isEmpty || !takers.grantFirst(element, &wakeups) {
                    buffer.insert(element, priority: priority)
                }
            case .slots(let count):
                if free < count { return }
                givers.remove(giver)
                if wakeups.grant(giver, ()) { reserved += count }
            }
        }
    }
}
