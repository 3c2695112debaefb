import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct WaiterListTests {
    @Test func `waiters leave in the order in which they came`() {
        let list = WaiterList()
        let waiters = (0..<3).map { _ in Waiter() }
        #expect(list.isEmpty)
        #expect(list.popFirst() == nil)
        for waiter in waiters { list.append(waiter) }
        #expect(list.count == 3)
        #expect(list.first === waiters[0])
        for waiter in waiters { #expect(list.popFirst() === waiter) }
        #expect(list.isEmpty)
        #expect(list.first == nil)
    }

    @Test(arguments: 0..<3) func `any waiter can be taken out`(index: Int) {
        let list = WaiterList()
        var waiters = (0..<3).map { _ in Waiter() }
        for waiter in waiters { list.append(waiter) }
        let removed = waiters.remove(at: index)
        #expect(list.remove(removed))
        #expect(!list.remove(removed))
        #expect(list.count == 2)
        for waiter in waiters { #expect(list.popFirst() === waiter) }
        list.append(removed)
        #expect(list.popFirst() === removed)
    }

    @Test(arguments: 0..<50) func `random steps end as in an array`(seed: Int) {
        var random = SplitMix64(seed: seed)
        let list = WaiterList()
        var model: [Waiter] = []
        var outside = (0..<20).map { _ in Waiter() }
        for _ in 0..<500 {
            switch random.below(5) {
            case 0, 1:
                guard let waiter = outside.popLast() else { continue }
                list.append(waiter)
                model.append(waiter)
            case 2:
                guard !model.isEmpty else { continue }
                let waiter = model.remove(at: random.below(model.count))
                #expect(list.remove(waiter))
                outside.append(waiter)
            case 3:
                let popped = list.popFirst()
                #expect(popped === model.first)
                if let popped {
                    model.removeFirst()
                    outside.append(popped)
                }
            default:
                guard !outside.isEmpty else { continue }
                #expect(!list.remove(outside[random.below(outside.count)]))
            }
            #expect(list.count == model.count)
            #expect(list.first === model.first)
        }
        while let popped = list.popFirst() { #expect(popped === model.removeFirst()) }
        #expect(model.isEmpty)
    }
}
