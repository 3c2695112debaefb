import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ElementRingTests {
    @Test func `elements leave at the end that is asked for`() {
        let ring = ElementRing<Int>()
        #expect(ring.removeFirst() == nil)
        #expect(ring.removeLast() == nil)
        for number in 0..<20 { ring.append(number) }
        #expect(ring.count == 20)
        #expect(ring[0] == 0)
        #expect(ring[19] == 19)
        #expect(ring.removeFirst() == 0)
        #expect(ring.removeLast() == 19)
        ring[0] = 100
        #expect(ring.removeFirst() == 100)
        #expect(ring.count == 17)
    }

    @Test func `an element is alive as long as it is in the ring, or the ring ends`() {
        let alive = LiveCount()
        do {
            let ring = ElementRing<Tracked>()
            for number in 0..<10 { ring.append(Tracked(number, alive)) }
            #expect(alive.value == 10)
            _ = ring.removeFirst()
            #expect(alive.value == 9)
            let last = ring.removeLast()
            #expect(alive.value == 9)
            #expect(last?.number == 9)
            ring[0] = Tracked(20, alive)
            #expect(alive.value == 9)
        }
        #expect(alive.value == 0)
    }

    @Test func `a large ring gives its memory back when it is empty, and goes on`() {
        let ring = ElementRing<Int>()
        for round in 1...3 {
            let count = ElementRing<Int>.keptSlots * round
            for number in 0..<count { ring.append(number) }
            for number in 0..<count where ring.removeFirst() != number { Issue.record("order") }
            #expect(unsafe ring.slots == nil || ring.mask < ElementRing<Int>.keptSlots)
            #expect(ring.isEmpty)
        }
    }

    @Test(arguments: 0..<20) func `random steps end as in an array`(seed: Int) {
        var random = SplitMix64(seed: seed)
        let ring = ElementRing<String>()
        var model: [String] = []
        for step in 0..<2_000 {
            switch random.below(9) {
            case 0, 1: #expect(ring.removeFirst() == (model.isEmpty ? nil : model.removeFirst()))
            case 2: #expect(ring.removeLast() == model.popLast())
            case 3 where !model.isEmpty:
                let offset = random.below(model.count)
                ring[offset] += "!"
                model[offset] += "!"
            default:
                // Phases of growth and of decline.
                if (step / 300) % 2 == 1 && random.below(3) > 0 { continue }
                ring.append("\(step)")
                model.append("\(step)")
            }
            #expect(ring.count == model.count)
            if let last = model.last { #expect(ring[model.count - 1] == last) }
        }
        #expect((0..<ring.count).map { ring[$0] } == model)
    }
}
