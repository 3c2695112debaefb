import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct SemaphoreInterleavingTests {
    /// What the tasks of one run share. They are all on one loop.
    private final class Run: @unchecked Sendable {
        // SAFETY: used by tasks of one loop only.
        let semaphore: AsyncSemaphore
        var random: SplitMix64
        var tasks: [TaskHandle<Void, any Error>] = []
        var held = 0
        var acquisitions = 0
        var cancellations = 0

        init(seed: Int, permits: Int) throws {
            semaphore = try AsyncSemaphore(permits, maximum: permits)
            random = SplitMix64(seed: seed)
        }
    }

    /// One task: steps that the generator chooses. Gives back all that it holds at its end.
    private static func live(_ run: Run, permits: Int) async throws {
        var mine: [Int] = []
        func giveBack(_ count: Int) throws {
            run.held -= count
            try run.semaphore.release(count)
        }
        do {
            for _ in 0..<20 {
                switch run.random.below(8) {
                case 0, 1, 2:
                    // Only who holds nothing waits, so that no two can wait for each other.
                    guard mine.isEmpty else { continue }
                    let count = 1 + run.random.below(permits)
                    try await run.semaphore.acquire(count)
                    run.held += count
                    run.acquisitions += 1
                    mine.append(count)
                case 3:
                    if run.semaphore.tryAcquire() {
                        run.held += 1
                        mine.append(1)
                    }
                case 4: if let count = mine.popLast() { try giveBack(count) }
                case 5:
                    // Rarely, or few tasks would live long enough to meet.
                    if run.random.below(6) == 0 {
                        run.cancellations += 1
                        run.tasks[run.random.below(run.tasks.count)].cancel()
                    }
                default: try await yield()
                }
                #expect(run.held <= permits)
                #expect(run.held + run.semaphore.statistics.available <= permits)
            }
        } catch is CancellationError {}
        for count in mine { try giveBack(count) }
    }

    @Test func `random steps of many tasks conserve the permits, and nobody is stuck (L1)`()
        async throws
    {
        var acquisitions = 0
        var cancellations = 0
        for seed in 0..<500 {
            let (acquired, cancelled) = try await onLoop {
                let permits = 1 + seed % 4
                let run = try Run(seed: seed, permits: permits)
                for _ in 0..<(3 + seed % 7) {
                    run.tasks.append(spawn { try await Self.live(run, permits: permits) })
                }
                // No cancellation but the run's own: a stuck task hangs here.
                for task in run.tasks { try await task.value }
                #expect(run.held == 0, "seed \(seed)")
                #expect(run.semaphore.statistics.available == permits, "seed \(seed)")
                #expect(run.semaphore.statistics.waiting == 0, "seed \(seed)")
                defer { run.tasks = [] }
                return (run.acquisitions, run.cancellations)
            }
            acquisitions += acquired
            cancellations += cancelled
        }
        #expect(acquisitions > 5_000, "the steps are too tame")
        #expect(cancellations > 500, "the steps are too tame")
    }

    /// What one task does in the race below.
    private enum Step: CaseIterable { case cancelFirst, cancelSecond, release, releaseTwo, turn }

    @Test func `all orders of two cancellations and two releases conserve the permits (S44, L1)`()
        async throws
    {
        for first in Step.allCases {
            for second in Step.allCases {
                for third in Step.allCases { try await race([first, second, third]) }
            }
        }
    }

    private func race(_ steps: [Step]) async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let tasks = [1, 2, 1].map { count in spawn { try await semaphore.acquire(count) } }
            try await settle(3)
            var released = 0
            for step in steps {
                switch step {
                case .cancelFirst: tasks[0].cancel()
                case .cancelSecond: tasks[1].cancel()
                case .release:
                    try semaphore.release()
                    released += 1
                case .releaseTwo:
                    try semaphore.release(2)
                    released += 2
                case .turn: try await settle(3)
                }
            }
            try await settle(10)
            let waiting = semaphore.statistics.waiting
            #expect(tasks.count { !$0.isFinished } == waiting, "\(steps)")
            let free = semaphore.statistics.available
            for task in tasks { task.cancel() }
            let results = await gatherResults(tasks)
            let held = zip(results, [1, 2, 1]).reduce(0) { held, entry in
                if case .success = entry.0 { held + entry.1 } else { held }
            }
            #expect(free + held == released, "\(steps)")
        }
    }
}
