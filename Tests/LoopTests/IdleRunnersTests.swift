import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// How many tasks of the runtime a loop keeps for spawned tasks to come.
@Suite(.watched)
struct IdleRunnersTests {
    /// Runs so many tasks at once, and all to their end.
    private static func leaveIdleRunners(_ count: Int) async throws {
        let gate = AsyncEvent()
        let tasks = (0..<count).map { _ in spawn { try await gate.wait() } }
        try await settle()
        gate.set()
        _ = try await gather(tasks)
        #expect(currentLoop.core.runners.value.count == count)
    }

    @Test func `a loop with nothing to do keeps a few only`() async throws {
        try await onLoop {
            try await Self.leaveIdleRunners(5_000)
            #expect(currentLoop.core.runners.value.capacity >= 5_000)
            // They go while the loop has nothing else to do.
            while currentLoop.core.runners.value.count > IdleRunners.kept {
                try await sleep(for: .microseconds(100))
            }
            #expect(currentLoop.core.runners.value.count == IdleRunners.kept)
            #expect(currentLoop.core.runners.value.capacity <= 4 * IdleRunners.kept)
        }
    }

    @Test func `a loop that is never idle keeps no more than it needs for long`() async throws {
        try await onLoop {
            try await Self.leaveIdleRunners(2_000)
            // Some turns of 1,000 are enough, and all of them find something to run.
            let before = currentLoop.statistics.waits
            try await settle(2_000)
            #expect(currentLoop.core.runners.value.count == IdleRunners.kept)
            #expect(currentLoop.statistics.waits == before)
        }
    }

    @Test func `tasks of several priorities do not pile runners up`() async throws {
        try await onLoop {
            let executor = currentLoop.taskExecutor
            for round in 0..<200 {
                let priority: TaskPriority = round % 2 == 0 ? .low : .high
                let task = Task(executorPreference: executor, priority: priority) {
                    await spawn { Task.currentPriority }.value
                }
                #expect(await task.value >= priority)
                #expect(currentLoop.core.runners.value.count <= 1)
            }
            let gate = AsyncEvent()
            for priority in [TaskPriority.low, .high] {
                // Not awaited: that would raise its priority.
                _ = Task(executorPreference: executor, priority: priority) {
                    for _ in 0..<10 { spawn { try await gate.wait() } }
                }
            }
            try await settle()
            gate.set()
            try await settle()
            #expect(currentLoop.core.runners.value.count <= 11)
        }
    }

    @Test func `a task has a number that none has had`() async throws {
        try await onLoop {
            var numbers: Set<UInt64> = []
            for count in 8..<12 {
                let tasks = (0..<count).map { _ in spawn { TaskIdentity.running.number } }
                for task in tasks {
                    let number = await task.value
                    #expect(numbers.insert(number).inserted)
                }
            }
        }
    }

    @Test func `a task that has not begun is not shown as the last one of its runner`() async throws
    {
        try await onLoop {
            let first = await spawn { TaskIdentity.running.number }.value
            let second = spawn { TaskIdentity.running.number }
            let ready = currentLoop.tasks.tasks.filter { $0.state == .ready }
            #expect(ready.count == 1)
            #expect(ready.allSatisfy { $0.id != first })
            let number = await second.value
            #expect(ready.map(\.id) == [number])
        }
    }

    @Test func `none is left of a loop that has ended`() async throws {
        let core = try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            try loop.runMain { for task in (0..<10).map({ _ in spawn {} }) { await task.value } }
            let weak = WeakCore(loop.core)
            #expect(loop.core.runners.value.count == 0)
            return weak
        }
        // The thread that ran it may be about to let go of it.
        while core.object != nil { await Task.yield() }
    }

    @Test func `a host that drives the loop gets a task for each`() async throws {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let notes = Recorder<UInt64>()
            loop.spawn {
                for _ in 0..<3 { notes.append(await spawn { TaskIdentity.running.number }.value) }
                loop.stop()
            }
            while !loop.isStopped { try loop.runReady() }
            #expect(Set(notes.elements).count == 3)
            #expect(notes.elements.allSatisfy { $0 < TaskNumbers.first })
        }
    }
}

/// A reference that keeps nothing.
private final class WeakCore: @unchecked Sendable {
    // SAFETY: weak references are atomic; it is not set again.
    weak var object: LoopCore?

    init(_ object: LoopCore) { self.object = object }
}
