import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct PriorityHeapTests {
    @Test func `the lowest priority comes first, and of equal ones the oldest`() {
        var heap = PriorityHeap<String>()
        for (priority, name) in [(2, "a"), (1, "b"), (2, "c"), (Int.min, "d"), (1, "e")] {
            heap.insert(name, priority: priority)
        }
        var order: [String] = []
        while let name = heap.removeFirst() { order.append(name) }
        #expect(order == ["d", "b", "e", "a", "c"])
        #expect(heap.removeFirst() == nil)
    }

    @Test(arguments: 0..<20) func `random steps end as in a sorted array`(seed: Int) {
        var random = SplitMix64(seed: seed)
        var heap = PriorityHeap<Int>()
        var model: [(priority: Int, number: Int)] = []
        for number in 0..<1_000 {
            if random.below(5) < 3 {
                let priority = random.below(6) - 3
                heap.insert(number, priority: priority)
                let place = model.firstIndex { $0.priority > priority } ?? model.count
                model.insert((priority, number), at: place)
            } else {
                #expect(heap.removeFirst() == (model.isEmpty ? nil : model.removeFirst().number))
            }
            #expect(heap.count == model.count)
        }
        while !model.isEmpty { #expect(heap.removeFirst() == model.removeFirst().number) }
    }
}
