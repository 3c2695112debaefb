import AsyncCoreTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

private final class Count: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .acquiring) }

    func add() { number.add(1, ordering: .releasing) }
}

/// Jobs that come in the moment in which a loop's thread leaves it.
@Suite(.watched)
struct LateJobRaceTests {
    @Test func `a late job waits until its loop's thread has left the loop (S9)`() async throws {
        let ended = try EventLoop.start(configuration: .quiet)
        try await ended.shutdown()
        let ran = Count()
        try await onThread {
            let core = try EventLoop(configuration: .quiet).core
            core.own {
                #expect(core.abandon())
                core.post { ran.add() }
                let later = Count()
                // Looked at after the other: when it has run, that has been passed over.
                ended.core.post { later.add() }
                while later.value == 0 { sched_yield() }
                #expect(ran.value == 0)
            }
            while ran.value == 0 { sched_yield() }
        }
    }

    /// They run on the loop, or after it; none is lost. The loop's state is one thread's at a time, which
    /// ThreadSanitizer checks.
    @Test(arguments: 0..<40)
    func `tasks that are started, and sleep, while their loop ends all go on (S9)`(round: Int)
        async throws
    {
        let tasks = 400
        let finished = Count()
        // Its jobs keep the thread awake that runs those of loops that have ended.
        let ended = try EventLoop.start(configuration: .quiet)
        try await ended.shutdown()
        let late = ended.taskExecutor
        let loop = try EventLoop.start(configuration: .quiet)
        let executor = loop.taskExecutor
        try await onThread {
            for task in 0..<tasks {
                if task == 5 * round { loop.stop() }
                Task(executorPreference: late) {}
                Task(executorPreference: executor) {
                    // The runtime's own sleep, whose job the loop hands over at its end.
                    if task % 8 == 0 { try? await Task.sleep(nanoseconds: 20_000) }
                    finished.add()
                }
            }
            while finished.value < tasks { sched_yield() }
        }
        try await loop.shutdown()
    }
}
