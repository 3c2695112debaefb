import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// The barrier's own statements: S65 to S70. S72 and S73 are about a reset while a round drains. Here
/// no round drains: it is over for all in the moment in which the last one comes.
@Suite(.watched)
struct AsyncBarrierTests {
    @Test func `a barrier for nobody is refused (S65)`() {
        for parties in [0, -1] {
            #expect(throws: BarrierError.partiesBelowOne(parties)) {
                try AsyncBarrier(parties: parties)
            }
        }
        #expect("\(BarrierError.partiesBelowOne(0))".contains("0"))
        #expect("\(BarrierError.reset)" != "\(BarrierError.aborted)")
    }

    @Test func `a barrier for one never blocks (S66)`() async throws {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 1)
            let other = spawn {}
            for _ in 0..<3 { #expect(try await barrier.wait() == 0) }
            #expect(try barrier.tryWait() == 0)
            #expect(!other.isFinished)
            #expect(barrier.statistics == .init(waiting: 0, rounds: 4, isAborted: false))
        }
    }

    @Test func `round follows round, and each gives each number once (S68)`() async throws {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 3)
            let numbers = Recorder<Int>()
            let tasks = (0..<3).map { _ in
                spawn {
                    for _ in 0..<4 { numbers.append(try await barrier.wait()) }
                }
            }
            _ = try await gather(tasks)
            for round in 0..<4 {
                #expect(numbers.elements[(3 * round)..<(3 * round + 3)].sorted() == [0, 1, 2])
            }
            #expect(barrier.statistics == .init(waiting: 0, rounds: 4, isAborted: false))
        }
    }

    @Test func `numbers are given in the order of coming, the last one to the last`() async throws {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 4)
            let tasks = (0..<3).map { _ in spawn { try await barrier.wait() } }
            try await settle()
            #expect(barrier.statistics.waiting == 3)
            #expect(try await barrier.wait() == 3)
            #expect(try await gather(tasks) == [0, 1, 2])
        }
    }

    @Test func `one who is cancelled while the barrier fills is missing, and breaks nothing (S69)`()
        async throws
    {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 3)
            let tasks = (0..<2).map { _ in spawn { try await barrier.wait() } }
            try await settle()
            tasks[0].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[0].value }
            #expect(barrier.statistics.waiting == 1)
            #expect(try barrier.tryWait() == nil)
            #expect(barrier.statistics.waiting == 1)
            let another = spawn { try await barrier.wait() }
            try await settle()
            #expect(try await barrier.wait() == 2)
            #expect(try await tasks[1].value == 0)
            #expect(try await another.value == 1)
        }
    }

    @Test func `those who come before the last round has run belong to the next (S70)`()
        async throws
    {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 2)
            let first = spawn { try await barrier.wait() }
            try await settle()
            #expect(try barrier.tryWait() == 1)
            #expect(!first.isFinished)
            // The round is over, and nobody of it has run yet.
            #expect(try barrier.tryWait() == nil)
            let early = spawn { try await barrier.wait() }
            #expect(try await first.value == 0)
            try await settle()
            #expect(!early.isFinished)
            #expect(try await barrier.wait() == 1)
            #expect(try await early.value == 0)
            #expect(barrier.statistics.rounds == 2)
        }
    }

    @Test func `a reset fails those who wait, not those of a round that is over`() async throws {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 2)
            let through = spawn { try await barrier.wait() }
            try await settle()
            #expect(try barrier.tryWait() == 1)
            barrier.reset()
            #expect(try await through.value == 0)
            let waiting = spawn { try await barrier.wait() }
            try await settle()
            barrier.reset()
            await #expect(throws: BarrierError.reset) { try await waiting.value }
            let next = spawn { try await barrier.wait() }
            try await settle()
            #expect(try await barrier.wait() == 1)
            #expect(try await next.value == 0)
        }
    }

    @Test func `an aborted barrier fails all, until it is reset`() async throws {
        try await onLoop {
            let barrier = try AsyncBarrier(parties: 2)
            let waiting = spawn { try await barrier.wait() }
            try await settle()
            barrier.abort()
            await #expect(throws: BarrierError.aborted) { try await waiting.value }
            await #expect(throws: BarrierError.aborted) { try await barrier.wait() }
            #expect(throws: BarrierError.aborted) { try barrier.tryWait() }
            #expect(barrier.statistics.isAborted)
            barrier.reset()
            let next = spawn { try await barrier.wait() }
            try await settle()
            #expect(try await barrier.wait() == 1)
            #expect(try await next.value == 0)
        }
    }

    @Test func `tasks of two loops go from round to round together (S68)`() async throws {
        let barrier = try AsyncBarrier(parties: 4)
        let arrived = Atomic<Int>(0)
        let work: @Sendable () async throws -> Void = {
            for round in 1...200 {
                arrived.add(1, ordering: .relaxed)
                try await barrier.wait()
                // Nobody goes on before all have come.
                #expect(arrived.load(ordering: .relaxed) >= 4 * round)
            }
        }
        try await withLoops(2) { loops in
            let tasks = (0..<4).map { index in loops[index % 2].spawn { try await work() } }
            for task in tasks { try await task.value }
        }
        #expect(barrier.statistics == .init(waiting: 0, rounds: 200, isAborted: false))
    }
}
