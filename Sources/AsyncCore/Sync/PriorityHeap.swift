// A heap of elements with whole numbers as priorities.

/// Elements, of which the one with the lowest priority comes first, and of equal ones the oldest.
///
/// A binary heap: adding and taking are O(log n). Not synchronised, and pure: priorities are
/// numbers, so nothing of the user's is called, and a lock may be held.
@usableFromInline
struct PriorityHeap<Element: Sendable>: Sendable {
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let priority: Int
        @usableFromInline let age: UInt64
        @usableFromInline let element: Element

        @inlinable
        init(_ element: consuming Element, _ priority: Int, _ age: UInt64) {
            self.element = element
            self.priority = priority
            self.age = age
        }

        @inlinable
        func comes(before other: borrowing Entry) -> Bool {
            priority == other.priority ? age < other.age : priority < other.priority
        }
    }

    @usableFromInline var entries: [Entry] = []
    @usableFromInline var inserted: UInt64 = 0

    @inlinable
    init() {}

    @inlinable
    var count: Int { entries.count }

    @inlinable
    mutating func insert(_ element: consuming Element, priority: Int) {
        inserted &+= 1
        entries.append(Entry(element, priority, inserted))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !entries[child].comes(before: entries[parent]) { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the first out; nil if there is none.
    @inlinable
    mutating func removeFirst() -> Element? {
        if entries.isEmpty { return nil }
        entries.swapAt(0, entries.count - 1)
        let first = entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)..<(2 * parent + 3)
            where child < entries.count && entries[child].comes(before: entries[least]) {
                least = child
            }
            if least == parent { return first.element }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
