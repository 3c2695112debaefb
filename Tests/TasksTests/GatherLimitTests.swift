import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct GatherLimitTests {
    @Test(arguments: [nil, 1, 2, 3, 10, 100])
    func `values come in the order of the inputs, within the limit`(limit: Int?) async throws {
        let (most, values) = try await onLoop {
            let log = Recorder<Int>()
            let running = Recorder<Int>()
            let values = try await gather(0..<10, limit: limit) { input in
                log.append(1)
                running.append(log.elements.reduce(0, +))
                for _ in 0..<(10 - input) { try await yield() }
                log.append(-1)
                return input * input
            }
            return (running.elements.max(), values)
        }
        #expect(values == (0..<10).map { $0 * $0 })
        #expect(most == min(limit ?? 10, 10))
    }

    @Test func `an error ends the others, and what was not begun never begins (S193)`()
        async throws
    {
        try await onLoop {
            let begun = Recorder<Int>()
            await #expect(throws: Failure(number: 1)) {
                _ = try await gather(0..<10, limit: 2) { input in
                    begun.append(input)
                    if input == 1 { throw Failure(number: 1) }
                    try await sleep(for: .hour)
                }
            }
            #expect(begun.elements == [0, 1])
        }
    }

    @Test func `cancelling the caller ends those that run, and begins no more`() async throws {
        try await onLoop {
            let begun = Recorder<Int>()
            let gathering = spawn {
                _ = try await gather(0..<10, limit: 3) { input in
                    begun.append(input)
                    try? await sleep(for: .hour)
                }
            }
            try await settle()
            gathering.cancel()
            await #expect(throws: CancellationError.self) { try await gathering.value }
            #expect(begun.elements == [0, 1, 2])
        }
    }

    @Test func `tasks of other loops are gathered, on a loop and off any (S193, S194, S197)`()
        async throws
    {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let body: @Sendable () async throws -> Void = {
            let good = loops.map { loop in loop.spawn { loop.isCurrent } }
            let values = try await gather(good)
            #expect(values == [true, true])
            let sleeping = loops[0].spawn { try await sleep(for: .hour) }
            let failing = loops[1].spawn { () async throws -> Int in throw Failure(number: 4) }
            await #expect(throws: Failure(number: 4)) { try await gather(sleeping, failing) }
            #expect(sleeping.isFinished)
            let (one, two) = await gatherResults(good[0], failing)
            #expect(one.get())
            #expect(throws: Failure(number: 4)) { try two.get() }
            let long = loops.map { loop in loop.spawn { try await sleep(for: .hour) } }
            let caller = Task { _ = try await gather(long) }
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
        try await body()
        try await onLoop(body)
        for loop in loops { try await loop.shutdown() }
    }
}
