// A small map from tasks to their standing waiters, looked up before each wait.

/// Maps task identities to waiters: open addressing with linear probing.
///
/// Not synchronised: the loop's thread owns it. A look-up costs a multiplication and, mostly, one
/// comparison; a task-local value would be copied into every task that is spawned, which costs two
/// allocations each.
struct TaskTable {
    private struct Slot {
        var key: UInt = 0  // 0: free
        var waiter: Waiter?
    }

    private var slots = [Slot](repeating: Slot(), count: 16)
    private(set) var count = 0

    @inline(__always)
    subscript(task: TaskIdentity) -> Waiter? {
        if count == 0 { return nil }
        var index = start(task.address)
        while slots[index].key != 0 {
            if slots[index].key == task.address { return slots[index].waiter }
            index = (index &+ 1) & (slots.count &- 1)
        }
        return nil
    }

    func forEach(_ body: (TaskIdentity, Waiter) -> Void) {
        for slot in slots {
            if let waiter = slot.waiter { body(TaskIdentity(address: slot.key), waiter) }
        }
    }

    /// Precondition: the task is not in the table.
    mutating func insert(_ waiter: Waiter, for task: TaskIdentity) {
        if (count + 1) * 2 > slots.count { resize(to: slots.count * 2) }
        place(waiter, task.address)
        count += 1
    }

    mutating func remove(_ task: TaskIdentity) {
        var index = start(task.address)
        while slots[index].key != task.address {
            if slots[index].key == 0 { return }
            index = (index + 1) & (slots.count - 1)
        }
        slots[index] = Slot()
        count -= 1
        closeGap(after: index)
        if slots.count > 64 && count * 8 < slots.count { resize(to: slots.count / 2) }
    }

    @inline(__always)
    private func start(_ address: UInt) -> Int {
        // Fibonacci hashing: tasks are aligned and lie close together; the product's high bits are
        // well mixed.
        Int(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) >> 32) & (slots.count &- 1)
    }

    private mutating func place(_ waiter: Waiter, _ address: UInt) {
        var index = start(address)
        while slots[index].key != 0 { index = (index + 1) & (slots.count - 1) }
        slots[index] = Slot(key: address, waiter: waiter)
    }

    /// Entries behind a removed one are placed anew, so that a probe never stops short of them.
    private mutating func closeGap(after gap: Int) {
        var index = (gap + 1) & (slots.count - 1)
        while slots[index].key != 0 {
            let slot = slots[index]
            slots[index] = Slot()
            if let waiter = slot.waiter { place(waiter, slot.key) }
            index = (index + 1) & (slots.count - 1)
        }
    }

    private mutating func resize(to capacity: Int) {
        let old = slots
        slots = [Slot](repeating: Slot(), count: capacity)
        for slot in old where slot.key != 0 {
            if let waiter = slot.waiter { place(waiter, slot.key) }
        }
    }
}
