// The content of a delay queue.

/// Values with keys and deadlines.
///
/// Not synchronised. What is taken out is returned, so that it is let go outside of the lock of the
/// one who owns this.
struct DelayedValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    struct Entry: Sendable {
        let key: Key
        var value: Value
    }

    private var heap = DeadlineHeap()
    private var slots: [Key: Int] = [:]
    private var entries: [Entry?] = []  // by slot

    var count: Int { heap.count }
    var earliest: UInt64? { heap.first?.deadline }

    func contains(_ key: Key) -> Bool { slots[key] != nil }

    /// Puts a value in, and takes out the one that had the key.
    mutating func insert(_ value: Value, for key: Key, at deadline: UInt64) -> Value? {
        if let slot = slots[key] {
            let replaced = entries[slot]
            entries[slot]?.value = value
            heap.move(slot, to: deadline)
            return replaced?.value
        }
        let slot = heap.insert(deadline)
        slots[key] = slot
        if slot == entries.count {
            entries.append(Entry(key: key, value: value))
        } else {
            entries[slot] = Entry(key: key, value: value)
        }
        return nil
    }

    /// False if there is no such key.
    mutating func move(_ key: Key, to deadline: UInt64) -> Bool {
        guard let slot = slots[key] else { return false }
        heap.move(slot, to: deadline)
        return true
    }

    mutating func remove(_ key: Key) -> Entry? { slots[key].flatMap { take($0) } }

    mutating func popFirst() -> Entry? { heap.first.flatMap { take($0.slot) } }

    private mutating func take(_ slot: Int) -> Entry? {
        heap.remove(slot)
        guard let entry = entries[slot].take() else { return nil }
        slots[entry.key] = nil
        if heap.count == 0 && entries.count > Self.spareCapacity { self = Self() }
        return entry
    }

    /// An empty queue keeps the memory for so many values at most.
    private static var spareCapacity: Int { 1_024 }
}
