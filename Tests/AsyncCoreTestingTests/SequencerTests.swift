import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Numbered blocks: S340.
@Suite(.watched)
struct SequencerTests {
    @Test func `blocks run in the order of their numbers, whatever the order of tasks (S340)`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let sequencer = Sequencer()
            let order = Recorder<Int>()
            let tasks = (0..<10).shuffled(using: &random).map { number in
                spawn {
                    try await sequencer.run(at: number) {
                        order.append(number)
                        try await yield()
                        order.append(number)
                    }
                }
            }
            for task in tasks { try await task.value }
            #expect(order.elements == (0..<10).flatMap { [$0, $0] })
        }
    }

    @Test func `a task may have several blocks, which return values (S340)`() async throws {
        try await withVirtualTime {
            let sequencer = Sequencer()
            let other = spawn { try await sequencer.run(at: 1) { "b" } }
            let first = try await sequencer.run(at: 0) { "a" }
            let third = try await sequencer.run(at: 2) { "c" }
            #expect(try await first + other.value + third == "abc")
        }
    }

    @Test func `a task cancelled while it waits breaks the sequence for all (S340)`() async throws {
        try await withSeeds(200) { _ in
            let sequencer = Sequencer()
            let tasks = [1, 2, 3].map { number in
                spawn {
                    try await sequencer.run(at: number) { Issue.record("block \(number) ran") }
                }
            }
            try await waitUntilAllBlocked()
            tasks[1].cancel()
            let results = await gatherResults(tasks)
            #expect(throws: SequencerError.broken) { try results[0].get() }
            #expect(throws: CancellationError.self) { try results[1].get() }
            #expect(throws: SequencerError.broken) { try results[2].get() }
            await #expect(throws: SequencerError.broken) { try await sequencer.run(at: 0) {} }
        }
    }

    @Test func `a task that is cancelled before it waits breaks the sequence, too (S340)`()
        async throws
    {
        try await withVirtualTime {
            let sequencer = Sequencer()
            let task = spawn { try await sequencer.run(at: 0) { Issue.record("it ran") } }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            await #expect(throws: SequencerError.broken) { try await sequencer.run(at: 1) {} }
        }
    }

    @Test func `a block that fails, or is cancelled itself, does not break the sequence (S340)`()
        async throws
    {
        try await withVirtualTime {
            let sequencer = Sequencer()
            await #expect(throws: TimeoutError.self) {
                try await sequencer.run(at: 0) { throw TimeoutError() }
            }
            let inside = spawn { try await sequencer.run(at: 1) { try await sleep(for: .hour) } }
            try await waitUntilAllBlocked()
            inside.cancel()
            await #expect(throws: CancellationError.self) { try await inside.value }
            try await sequencer.run(at: 2) {}
        }
    }

    @Test func `a number that is used twice is an error of the second`() async throws {
        try await withVirtualTime {
            let sequencer = Sequencer()
            try await sequencer.run(at: 0) {}
            let error = SequencerError.usedTwice(0)
            await #expect(throws: error) { try await sequencer.run(at: 0) {} }
            try await sequencer.run(at: 1) {}
        }
    }

    @Test func `blocks on several loops and threads run in order (S340)`() async throws {
        let sequencer = Sequencer()
        let order = Recorder<Int>()
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let tasks = (0..<200).reversed().map { number in
            loops[number % 2].spawn { try await sequencer.run(at: number) { order.append(number) } }
        }
        for task in tasks { try await task.value }
        #expect(order.elements == Array(0..<200))
        for loop in loops { try await loop.shutdown() }
    }
}
