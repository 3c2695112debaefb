import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// Where an operation and its value are kept, and when they go.
@Suite(.watched)
struct TaskValueTests {
    /// How many objects are alive.
    private final class Population: Sendable {
        private let number = Atomic<Int>(0)

        var count: Int { number.load(ordering: .relaxed) }

        func change(by amount: Int) { number.wrappingAdd(amount, ordering: .relaxed) }
    }

    /// One of a population.
    private final class Counted: Sendable {
        let population: Population

        init(_ population: Population) {
            self.population = population
            population.change(by: 1)
        }

        deinit { population.change(by: -1) }
    }

    /// Three words with two references: it does not fit in a slot.
    private struct Large: Sendable {
        let first: Counted
        let number: Int
        let second: Counted
    }

    @Test func `a slot holds values of any size`() {
        func roundTrip<Value: Equatable>(_ value: Value) {
            var slot = ValueSlot()
            slot.put(value)
            #expect(slot.value(as: Value.self) == value)
            #expect(slot.value(as: Value.self) == value)
            #expect(slot.take(as: Value.self) == value)
            slot.put(value)
            slot.destroy(as: Value.self)
        }
        roundTrip(7)
        roundTrip(UInt8.max)
        roundTrip("sixteen bytes of text, and more of it in a piece of memory")
        roundTrip(Int?.none)
        roundTrip(Int?.some(3))
        roundTrip([1, 2, 3])
        roundTrip(1.5...2.5)
        roundTrip(SIMD2<Double>(1, 2))
        roundTrip(SIMD8<Double>(repeating: 5))
        roundTrip("a part of a string".dropFirst(2))
        // Two words that want more of their place than a slot gives.
        #expect(!ValueSlot.holds(SIMD2<Double>.self))
        #expect(ValueSlot.holds(String.self) && ValueSlot.holds(Void.self))
        #expect(!ValueSlot.holds(Large.self))
    }

    @Test func `what a slot holds is counted once`() {
        let population = Population()
        var slot = ValueSlot()
        for value in [Counted(population), Counted(population)] {
            slot.put(Large(first: value, number: 1, second: Counted(population)))
            #expect(population.count >= 3)
            let copy = slot.value(as: Large.self)
            slot.destroy(as: Large.self)
            #expect(copy.first === value)
            slot.put(value)
            #expect(slot.take(as: Counted.self) === value)
        }
        #expect(population.count == 0)
    }

    @Test func `a task's value lives as long as the last handle`() async throws {
        try await onLoop {
            let population = Population()
            do {
                let small = spawn { Counted(population) }
                let large = spawn {
                    Large(first: Counted(population), number: 2, second: Counted(population))
                }
                let optional = spawn { () -> Counted? in nil }
                let words = spawn { SIMD4<Double>(repeating: 2) }
                #expect(await large.value.number == 2)
                #expect(await optional.value == nil)
                #expect(await words.value == SIMD4(repeating: 2))
                _ = await small.value
                #expect(population.count == 3)
                let again = await large.value.first.population === population
                #expect(again)
            }
            #expect(population.count == 0)
        }
    }

    @Test func `values without memory of their own may be larger than their place`() async throws {
        try await onLoop {
            // What is left of them LeakSanitizer would find.
            for number in 0..<10 {
                let three = await spawn { (number, 2, 3) }.value
                #expect(three == (number, 2, 3))
                let wide = await spawn { Int128(number) }.value
                #expect(wide == Int128(number))
                spawn { Duration.seconds(number) as Duration? }
            }
        }
    }

    @Test func `a value is read on several threads at once`() async throws {
        try await onLoop {
            let task = spawn { Array("some text, and more of it".utf8) }
            let others = try (0..<2).map { _ in
                try EventLoop.start(name: "another", configuration: .quiet)
            }
            let readers = others.map { loop in
                loop.spawn {
                    for _ in 0..<200 { #expect(await task.value.count == 25) }
                }
            }
            for _ in 0..<200 { #expect(await task.value.count == 25) }
            for reader in readers { await reader.value }
            for loop in others { try await loop.shutdown() }
        }
    }

    @Test func `what an operation has captured goes with its end, not with the handle`()
        async throws
    {
        try await onLoop {
            let population = Population()
            func start() -> TaskHandle<Int, Never> {
                let captured = Counted(population)
                return spawn { captured.population.count }
            }
            let task = start()
            #expect(population.count == 1)
            #expect(await task.value == 1)
            #expect(population.count == 0)
        }
    }

    @Test func `an operation that never ran goes with its task`() {
        let population = Population()
        do {
            let captured = Counted(population)
            let core = try? EventLoop(configuration: .quiet).core
            guard let core else { preconditionFailure("no loop") }
            _ = SpawnedTask(core: core, name: nil, isScoped: false) { captured.population.count }
        }
        #expect(population.count == 0)
    }

    @Test func `a task that failed has no value`() async throws {
        try await onLoop {
            let population = Population()
            let task = spawn { () throws -> Large in
                let first = Counted(population)
                if population.count == 1 { throw CancellationError() }
                return Large(first: first, number: 0, second: first)
            }
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            #expect(population.count == 0)
        }
    }
}
