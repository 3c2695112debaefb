import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// The order that a seed chooses, and runs under many seeds.
@Suite(.watched)
struct SeedTests {
    /// The order in which four tasks take two steps each, and the fingerprint of the run.
    private static func order(
        seed: UInt64?
    ) async throws -> (steps: [Int], fingerprint: UInt64) {
        var options = VirtualTime.Options()
        options.seed = seed
        return try await withVirtualTime(options) {
            let steps = Recorder<Int>()
            _ = try await gather(Array(0..<4)) { number in
                steps.append(number)
                try await yield()
                steps.append(number)
            }
            return (steps.elements, VirtualTime.fingerprint)
        }
    }

    @Test func `without a seed tasks run in the order of every loop`() async throws {
        #expect(try await Self.order(seed: nil).steps == [0, 1, 2, 3, 0, 1, 2, 3])
    }

    @Test func `a seed gives the same order each time, and seeds differ (G5)`() async throws {
        var orders: Set<[Int]> = []
        for seed in UInt64(0)..<50 {
            let first = try await Self.order(seed: seed)
            let second = try await Self.order(seed: seed)
            #expect(first == second)
            orders.insert(first.steps)
        }
        #expect(orders.count > 30)
    }

    @Test func `a thousand seeds of a small body take no more than a moment`() async throws {
        let ran = Recorder<UInt64>()
        try await withSeeds { seed in
            let semaphore = try AsyncSemaphore(1)
            _ = try await gather(Array(0..<4)) { _ in
                try await semaphore.withPermit { try await sleep(for: .seconds(1)) }
            }
            #expect(VirtualTime.now == .seconds(4))
            ran.append(seed)
        }
        // About 0.25 s in a debug build on a quiet machine, which is not for a test to judge.
        #expect(ran.elements == Seeds.chosen(1_000))
    }
}

extension SeedTests {
    @Test
    func `two runs of one seed have the same fingerprint (G5)`()
        async throws
    {
        /// Three tasks that work, and one that cancels the others now and then.
        @Sendable func run(_ seed: UInt64) async throws -> UInt64 {
            try await withVirtualTime(.init(seed: seed)) {
                let semaphore = try AsyncSemaphore(2)
                let tasks = (0..<6).map { number in
                    spawn {
                        for _ in 0..<5 {
                            try await semaphore.withPermit {
                                try await withTimeout(.milliseconds(50 * number + 20)) {
                                    try await sleep(for: .milliseconds(35 * number))
                                }
                            }
                        }
                    }
                }
                spawn {
                    try await sleep(for: .milliseconds(300))
                    tasks[3].cancel()
                }
                _ = await gatherResults(tasks)
                return VirtualTime.fingerprint
            }
        }
        var prints: Set<UInt64> = []
        for seed in UInt64(0)..<50 {
            let first = try await run(seed)
            #expect(try await run(seed) == first, "seed \(seed)")
            prints.insert(first)
        }
        #expect(prints.count == 50)
    }

    /// A bug that shows under some orders only.
    private static func isRight(_ seed: UInt64) async throws -> Bool {
        let order = Recorder<Int>()
        _ = try await gather(Array(0..<4)) { order.append($0) }
        return order.elements != [3, 2, 1, 0]
    }

    @Test func `the first seed that fails is named, and fails again when it is replayed`()
        async throws
    {
        let failure = await #expect(throws: SeedFailure.self) {
            try await withSeeds { seed in
                if try await !Self.isRight(seed) { throw TimeoutError() }
            }
        }
        let seed = try #require(failure?.seed)
        #expect(failure?.error is TimeoutError)
        #expect("\(failure!)".contains("ASYNCCORE_SEED=\(seed)"))
        let again = SeedRun(seeds: [seed], options: .init()) { seed in
            if try await !Self.isRight(seed) { throw TimeoutError() }
        }
        let second = #expect(throws: SeedFailure.self) { try again.run() }
        #expect(second?.seed == seed)
    }

    @Test func `an expectation that fails names its seed, and ends the runs`() async throws {
        let ran = Recorder<UInt64>()
        let comments = Recorder<String>()
        try await observingIssues(comments) {
            await #expect(throws: SeedFailure.self) {
                try await withSeeds(100) { seed in
                    ran.append(seed)
                    let isRight = try await Self.isRight(seed)
                    #expect(isRight)
                }
            }
        }
        let seed = try #require(ran.elements.last)
        #expect(seed < 100)
        #expect(comments.elements.contains { $0.contains("ASYNCCORE_SEED=\(seed)") })
    }
}

extension SeedTests {
    @Test func `the environment names the one seed to run, or how many`() async {
        await #expect(processExitsWith: .success) {
            setenv("ASYNCCORE_SEED", "34", 1)
            let ran = Recorder<UInt64>()
            try await withSeeds(100) { ran.append($0) }
            precondition(ran.elements == [34])
        }
        await #expect(processExitsWith: .success) {
            setenv("ASYNCCORE_SEEDS", "7", 1)
            let ran = Recorder<UInt64>()
            try await withSeeds(2) { ran.append($0) }
            precondition(ran.elements == Array(1...7))
        }
    }

    @Test func `a seed that is no number is a mistake that is named`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            setenv("ASYNCCORE_SEED", "lucky", 1)
            try await withSeeds(1) { _ in }
        }
        #if DEBUG
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("ASYNCCORE_SEED=lucky is no seed"))
        #endif
    }

    @Test func `a known issue, or a warning, is no failure of a seed`() async throws {
        let ran = Recorder<UInt64>()
        let issues = Recorder<String>()
        try await observingIssues(issues) {
            try await withSeeds(3) { seed in
                ran.append(seed)
                withKnownIssue { Issue.record("known") }
                Issue.record("only a warning", severity: .warning)
            }
        }
        #expect(ran.elements == Seeds.chosen(3))
        #expect(!issues.elements.contains { $0.contains("ASYNCCORE_SEED") })
    }

    @Test func `cancelling the caller ends the runs`() async throws {
        let ran = Recorder<UInt64>()
        let runs = Task {
            try await withSeeds(1_000) { seed in
                ran.append(seed)
                // The third waits for another thread that never comes.
                if seed == 3 {
                    try await VirtualTime.hold { try await AsyncSemaphore(0).acquire() }
                }
            }
        }
        while ran.count < 3 { await Task.yield() }
        runs.cancel()
        await #expect(throws: CancellationError.self) { try await runs.value }
        #expect(ran.elements == [1, 2, 3])
    }
}
