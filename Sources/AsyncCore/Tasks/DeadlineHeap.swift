// Deadlines in order, each of which can be found again.

/// A binary heap of deadlines in numbered slots: the earliest first, equal ones in the order in
/// which they were set.
///
/// Pure, and not synchronised. A slot belongs to its deadline until that is removed; then it is
/// used again. What waits for a deadline is kept by slot elsewhere, so nothing here is generic.
/// Invariant: `places[entries[i].slot] == i` for each `i`, and no entry is due before its parent.
struct DeadlineHeap: Sendable {
    private struct Entry {
        let slot: Int
        var deadline: UInt64
        /// Which setting of a deadline this was: decides between equal ones.
        var order: UInt64

        func isBefore(_ other: Entry) -> Bool {
            (deadline, order) < (other.deadline, other.order)
        }
    }

    private var entries: [Entry] = []
    private var places: [Int] = []
    private var freeSlots: [Int] = []
    private var settings: UInt64 = 0

    var count: Int { entries.count }

    /// How many slots there have been at once.
    var slotCount: Int { places.count }

    /// The earliest deadline and its slot.
    var first: (slot: Int, deadline: UInt64)? { entries.first.map { ($0.slot, $0.deadline) } }

    /// Adds a deadline, and gives it a slot.
    ///
    /// - Complexity: O(log *n*)
    mutating func insert(_ deadline: UInt64) -> Int {
        let slot = freeSlots.popLast() ?? places.count
        if slot == places.count { places.append(0) }
        settings += 1
        entries.append(Entry(slot: slot, deadline: deadline, order: settings))
        places[slot] = entries.count - 1
        siftUp(entries.count - 1)
        return slot
    }

    /// Sets another deadline for a slot that is in use.
    ///
    /// - Complexity: O(log *n*)
    mutating func move(_ slot: Int, to deadline: UInt64) {
        let place = places[slot]
        settings += 1
        entries[place].deadline = deadline
        entries[place].order = settings
        siftDown(place)
        siftUp(place)
    }

    /// Removes the deadline of a slot that is in use, and frees the slot.
    ///
    /// - Complexity: O(log *n*)
    mutating func remove(_ slot: Int) {
        let place = places[slot]
        swap(place, entries.count - 1)
        entries.removeLast()
        freeSlots.append(slot)
        if place < entries.count {
            siftDown(place)
            siftUp(place)
        }
    }

    private mutating func siftUp(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard entries[place].isBefore(entries[parent]) else { return }
            swap(place, parent)
            place = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        while true {
            var earliest = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
                if entries[child].isBefore(entries[earliest]) { earliest = child }
            }
            if earliest == place { return }
            swap(place, earliest)
            place = earliest
        }
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        if one == other { return }
        entries.swapAt(one, other)
        places[entries[one].slot] = one
        places[entries[other].slot] = other
    }

    /// For tests.
    func checkInvariants() {
        precondition(entries.count + freeSlots.count == places.count, "a slot is used or free")
        for (place, entry) in entries.enumerated() {
            precondition(places[entry.slot] == place, "a slot leads to its entry")
            precondition(
                place == 0 || !entry.isBefore(entries[(place - 1) / 2]),
                "no entry is due before its parent")
        }
    }
}
