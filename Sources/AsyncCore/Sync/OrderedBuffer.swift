// What waits inside of a queue, in the order in which it is to leave.

/// The elements between those who put and those who get.
///
/// Not synchronised: its owner is a lock. Pure: calls nothing of the user's, and lets go of no
/// element by itself.
@usableFromInline
struct OrderedBuffer<Element: Sendable>: Sendable {
    /// Who leaves first.
    @usableFromInline
    enum Order: Sendable {
        case oldest
        case newest
        case lowestPriority  // the oldest of equal ones
    }

    @usableFromInline let order: Order
    /// Unless elements have priorities.
    @usableFromInline let ring = ElementRing<Element>()
    /// If elements have priorities.
    @usableFromInline var heap = PriorityHeap<Element>()

    @inlinable
    init(_ order: Order) { self.order = order }

    @inlinable
    var count: Int { order == .lowestPriority ? heap.count : ring.count }

    @inlinable
    var isEmpty: Bool { count == 0 }

    /// Adds an element; without an order by priority, the priority counts for nothing.
    @inlinable
    mutating func insert(_ element: consuming Element, priority: Int) {
        if order == .lowestPriority {
            heap.insert(element, priority: priority)
        } else {
            ring.append(element)
        }
    }

    /// Takes the element out whose turn it is; nil if there is none.
    @inlinable
    mutating func removeNext() -> Element? {
        switch order {
        case .oldest: ring.removeFirst()
        case .newest: ring.removeLast()
        case .lowestPriority: heap.removeFirst()
        }
    }

    /// Takes all out, in their order.
    mutating func removeAll() -> [Element] {
        var elements: [Element] = []
        while let element = removeNext() { elements.append(element) }
        return elements
    }
}
