import AsyncCoreTestSupport
import AsyncCoreTesting
import Synchronization
import Testing

@testable import AsyncCore

/// Random steps of many tasks, in random order: entering, trying, cancelling, handing over.
@Suite(.watched)
struct PrimitiveInterleavingTests {
    /// What the tasks of one run share. They are all on one loop.
    private final class Run: @unchecked Sendable {
        // SAFETY: used by tasks of one loop only.
        let subject: Subject
        var random: SeededGenerator
        var tasks: [TaskHandle<Void, any Error>] = []
        var inside = 0
        var entries = 0
        var cancellations = 0

        init(_ subject: Subject, seed: UInt64) {
            self.subject = subject
            random = SeededGenerator(seed: seed)
        }

        /// Enters, and stays a while.
        func enter() async throws {
            try await subject.enter { [self] in
                inside += 1
                entries += 1
                defer { inside -= 1 }
                #expect(inside <= subject.limit)
                for _ in 0..<random.below(3) { try await yield() }
                #expect(inside <= subject.limit)
            }
        }
    }

    /// One seed: tasks come, go, are cancelled, and are handed over to; in the end nobody is left.
    private func live(_ subjectCase: SubjectCase, seed: UInt64) async throws -> Run {
        let run = Run(try subjectCase.make(.max), seed: seed)
        if run.random.below(3) > 0 { try await run.subject.occupy() }
        for _ in 0..<25 {
            switch run.random.below(8) {
            case 0, 1, 2: run.tasks.append(spawn { try await run.enter() })
            case 3:
                guard !run.tasks.isEmpty else { continue }
                run.cancellations += 1
                run.tasks[run.random.below(run.tasks.count)].cancel()
            case 4: try run.subject.handOver()
            case 5: spawn { _ = try run.subject.tryEnter() }
            default: try await yield()
            }
        }
        // One hand-over serves all who wait; some primitives need one for those who came later.
        for _ in 0..<100 where run.tasks.contains(where: { !$0.isFinished }) {
            try run.subject.handOver()
            try await settle(4)
        }
        try run.subject.handOver()
        let stuck = run.tasks.count { !$0.isFinished }
        #expect(stuck == 0, "seed \(seed): tasks are stuck")
        for task in run.tasks { task.cancel() }
        for case .failure(let error) in await gatherResults(run.tasks) {
            #expect(error is CancellationError, "seed \(seed)")
        }
        #expect(run.inside == 0, "seed \(seed)")
        #expect(run.subject.waiting() == 0, "seed \(seed)")
        if run.subject.kind == .permit { #expect(run.subject.isFree(), "seed \(seed)") }
        run.tasks = []
        return run
    }

    @Test(arguments: SubjectCase.all)
    func `in 1,000 random runs nothing is lost and nobody is stuck (S2, S6, S44, L1, L3)`(
        of subjectCase: SubjectCase
    ) async throws {
        let runs = Atomic<Int>(0)
        let entries = Atomic<Int>(0)
        let cancellations = Atomic<Int>(0)
        try await withSeeds(options: .sharingTasks) { seed in
            let run = try await live(subjectCase, seed: seed)
            runs.add(1, ordering: .relaxed)
            entries.add(run.entries, ordering: .relaxed)
            cancellations.add(run.cancellations, ordering: .relaxed)
        }
        // A single seed, to be replayed, may be a tame one.
        let count = runs.load(ordering: .relaxed)
        if count < 20 { return }
        #expect(entries.load(ordering: .relaxed) > 3 * count, "the steps are too tame")
        #expect(cancellations.load(ordering: .relaxed) > count, "the steps are too tame")
    }
}
