import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct DeadlineHeapTests {
    @Test func `up to seven deadlines come out sorted, equal ones in turn`() {
        for count in 0...7 {
            for seed in 0..<(count * count * 20) {
                var random = SplitMix64(seed: seed)
                var heap = DeadlineHeap()
                var model: [(deadline: UInt64, slot: Int)] = []
                for slot in 0..<count {
                    let deadline = UInt64(random.below(max(count / 2, 1)))
                    #expect(heap.insert(deadline) == slot)
                    model.append((deadline, slot))
                }
                var order: [Int] = []
                while let first = heap.first {
                    order.append(first.slot)
                    heap.remove(first.slot)
                }
                #expect(order == model.sorted { $0 < $1 }.map(\.slot))
            }
        }
    }

    @Test func `random operations on values agree with a naive model`() {
        for seed in 0..<40 {
            var random = SplitMix64(seed: seed)
            var values = DelayedValues<Int, Int>()
            var model = NaiveValues()
            for order in 0..<300 {
                let key = random.below(24)
                let deadline = UInt64(random.below(10))
                switch random.below(6) {
                case 0, 1:
                    let replaced = values.insert(order, for: key, at: deadline)
                    #expect(replaced == model.insert(order, for: key, at: deadline, order: order))
                case 2:
                    #expect(values.move(key, to: deadline) == model.move(key, deadline, order))
                case 3:
                    #expect(values.remove(key)?.value == model.remove(key)?.value)
                default:
                    #expect(values.earliest == model.first?.deadline)
                    let first = model.first
                    #expect(values.popFirst()?.value == first?.value)
                    if let first { _ = model.remove(first.key) }
                }
                #expect(values.count == model.entries.count)
                #expect(values.contains(key) == model.entries.contains { $0.key == key })
            }
        }
    }

    @Test func `random deadlines keep the invariants, and use slots again`() {
        var random = SplitMix64(seed: 1)
        var heap = DeadlineHeap()
        var slots: [Int] = []
        for _ in 0..<2_000 {
            switch slots.count < 50 ? random.below(3) : 2 {
            case 0: slots.append(heap.insert(UInt64(random.below(20))))
            case 1: if let slot = slots.first { heap.move(slot, to: UInt64(random.below(20))) }
            default: if !slots.isEmpty { heap.remove(slots.remove(at: random.below(slots.count))) }
            }
            heap.checkInvariants()
            #expect(heap.count == slots.count)
        }
        #expect(heap.slotCount <= 50)
    }
}

/// What `DelayedValues` is, in the plainest form.
private struct NaiveValues {
    struct Entry {
        var key: Int
        var value: Int
        var deadline: UInt64
        var order: Int
    }

    var entries: [Entry] = []

    var first: Entry? { entries.min { ($0.deadline, $0.order) < ($1.deadline, $1.order) } }

    mutating func insert(_ value: Int, for key: Int, at deadline: UInt64, order: Int) -> Int? {
        let replaced = remove(key)
        entries.append(Entry(key: key, value: value, deadline: deadline, order: order))
        return replaced?.value
    }

    mutating func move(_ key: Int, _ deadline: UInt64, _ order: Int) -> Bool {
        guard let entry = remove(key) else { return false }
        entries.append(Entry(key: key, value: entry.value, deadline: deadline, order: order))
        return true
    }

    mutating func remove(_ key: Int) -> Entry? {
        entries.firstIndex { $0.key == key }.map { entries.remove(at: $0) }
    }
}
