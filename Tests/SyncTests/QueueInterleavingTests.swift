import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

@Suite(.watched)
struct QueueInterleavingTests {
    /// What the tasks of one run share. They are all on one loop.
    private final class Run: @unchecked Sendable {
        // Used by tasks of one loop only.
        let queue: AsyncQueue<Int>
        var random: SplitMix64
        var tasks: [TaskHandle<Void, any Error>] = []
        var put: [Int] = []
        var got: [Int] = []
        var cancellations = 0
        var next = 0

        init(seed: UInt64) {
            let orders: [AsyncQueue<Int>.Order] = [.fifo, .lifo, .priority(by: { $0 % 5 })]
            queue = AsyncQueue(capacity: 1 + Int(seed % 4), order: orders[Int(seed % 3)])
            random = SplitMix64(seed: seed)
        }

        func number() -> Int {
            next += 1
            return next
        }
    }

    /// One task: steps that the generator chooses, until it is cancelled or the queue shut down.
    private static func live(_ run: Run, producing: Bool) async throws {
        do {
            for _ in 0..<20 {
                switch run.random.below(8) {
                case 0, 1, 2:
                    if producing {
                        let number = run.number()
                        try await run.queue.put(number)
                        run.put.append(number)
                    } else {
                        run.got.append(try await run.queue.get())
                    }
                case 3:
                    if producing {
                        let number = run.number()
                        if try run.queue.tryPut(number) { run.put.append(number) }
                    } else if let number = try run.queue.tryGet() {
                        run.got.append(number)
                    }
                case 4:
                    if !producing { run.got += try await run.queue.get(upTo: 3) }
                case 5:
                    // Rarely, or few tasks would live long enough to meet.
                    if run.random.below(6) == 0 {
                        run.cancellations += 1
                        run.tasks[run.random.below(run.tasks.count)].cancel()
                    }
                default: try await yield()
                }
                #expect(run.queue.count <= run.queue.statistics.capacity ?? 0)
            }
        } catch is CancellationError {} catch QueueError.shutDown {}
    }

    @Test func `random steps of many tasks lose no element, and double none (S85, S86, L2, L4)`()
        async throws
    {
        let totals = Recorder<(put: Int, cancellations: Int)>()
        try await withSeeds { seed in
            let run = Run(seed: seed)
            for index in 0..<Int(4 + seed % 7) {
                run.tasks.append(spawn { try await Self.live(run, producing: index % 2 == 0) })
            }
            try await waitUntilAllBlocked()
            // Whoever waits now waits for somebody who has ended.
            let standing = run.queue.statistics
            #expect(standing.waitingGetters == 0 || standing.count == 0)
            #expect(standing.waitingPutters == 0 || standing.count == standing.capacity)
            run.queue.shutdown()
            for task in run.tasks { try await task.value }
            run.tasks = []
            while let number = try? run.queue.tryGet() { run.got.append(number) }
            #expect(run.got.sorted() == run.put.sorted())
            #expect(run.queue.statistics.put == run.put.count)
            totals.append((run.put.count, run.cancellations))
        }
        let put = totals.elements.reduce(0) { $0 + $1.put }
        let cancellations = totals.elements.reduce(0) { $0 + $1.cancellations }
        let seeds = totals.count
        #expect(put > 8 * seeds && cancellations > seeds, "too tame: \(put), \(cancellations)")
    }

    /// What happens in the race below.
    private enum Step: CaseIterable { case cancelFirst, cancelSecond, put, shutdown, turn }

    @Test func `all orders of cancellations, a put and a shutdown keep the count (S84, S104, L2)`()
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
            let queue = AsyncQueue<Int>(capacity: 5)
            let tasks = (0..<2).map { _ in spawn { try await queue.get() } }
            try await settle(3)
            var put = 0
            for step in steps {
                switch step {
                case .cancelFirst: tasks[0].cancel()
                case .cancelSecond: tasks[1].cancel()
                case .put: if (try? queue.tryPut(put)) == true { put += 1 }
                case .shutdown: queue.shutdown()
                case .turn: try await settle(3)
                }
            }
            try await settle(10)
            #expect(tasks.count { !$0.isFinished } == queue.statistics.waitingGetters, "\(steps)")
            let left = queue.count
            queue.shutdown()
            let got = await gatherResults(tasks).compactMap { try? $0.get() }
            #expect(got.count + left == put, "\(steps)")
            #expect(got == got.sorted(), "\(steps)")
        }
    }
}
