import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// Tasks of the runtime that run one spawned task after the other: nobody can tell.
///
/// The loop of these tests runs on a bare thread, whose tasks have no task-local values.
@Suite(.watched)
struct TaskReuseTests {
    private enum Local {
        @TaskLocal static var value = 0
    }

    private struct Failure: Error {}

    /// The address of the runtime's task, and the number, of a task that is spawned and awaited.
    private static func spawnOne() async -> TaskNote { await spawn { TaskNote() }.value }

    private struct TaskNote: Sendable {
        let address = TaskIdentity.running.address
        let number = TaskIdentity.running.number
        let isCancelled = TaskIdentity.isCurrentCancelled
        let priority = Task.currentPriority
        let local = Local.value
    }

    @Test func `one task of the runtime runs many, each with a number of its own`() async throws {
        try await onLoop {
            var notes: [TaskNote] = []
            for _ in 0..<100 { notes.append(await Self.spawnOne()) }
            #expect(Set(notes.map(\.address)).count == 1)
            #expect(Set(notes.map(\.number)).count == 100)
            #expect(currentLoop.core.runners.value.count == 1)
        }
    }

    @Test func `a failure, and a value, are each task's own`() async throws {
        try await onLoop {
            for number in 0..<100 {
                let task = spawn {
                    if number % 2 == 0 { throw Failure() }
                    return number
                }
                let result = await task.result
                #expect((try? result.get()) == (number % 2 == 0 ? nil : number))
                #expect(!task.isCancelled)
            }
            #expect(currentLoop.core.runners.value.count == 1)
        }
    }

    /// Has a frame of its task's stack that is larger than a runner may keep.
    private static func useLargeFrame() async {
        var numbers = InlineArray<1_000, UInt64> { UInt64($0) ^ TaskIdentity.running.number }
        await Task.yield()
        for index in numbers.indices { numbers[index] ^= TaskIdentity.running.number }
        #expect(numbers[7] == 7)
    }

    // MARK: - As good as new

    @Test func `what was cancelled runs nothing else`() async throws {
        try await onLoop {
            for wait in [Duration.zero, .hour] {
                let first = spawn { () async -> UInt in
                    try? await sleep(for: wait)
                    return TaskIdentity.running.address
                }
                try await settle()
                // One has ended: to cancel it now does nothing.
                #expect(first.cancel() == (wait == .hour))
                #expect(first.isCancelled == (wait == .hour))
                _ = await first.value
                #expect(currentLoop.core.runners.value.count == (wait == .hour ? 0 : 1))
                #expect(await !Self.spawnOne().isCancelled)
            }
        }
    }

    @Test func `what has cancelled itself runs nothing else`() async throws {
        try await onLoop {
            let task = spawn { withUnsafeCurrentTask { unsafe $0?.cancel() } }
            await task.value
            #expect(task.isCancelled)
            #expect(currentLoop.core.runners.value.count == 0)
            #expect(await !Self.spawnOne().isCancelled)
        }
    }

    @Test func `a cancellation from another thread never hits the next task`() async throws {
        let wrong = try await onLoop {
            let cancellers = ThreadCancellers<Void>()
            defer { cancellers.stop() }
            var wrong = 0
            for round in 0..<3_000 {
                let task = spawn { for _ in 0..<(round % 3) { try? await yield() } }
                cancellers.cancel(task)
                await task.value
                if await Self.spawnOne().isCancelled { wrong += 1 }
            }
            return wrong
        }
        #expect(wrong == 0)
    }

    @Test func `waits of the next task are its own to cancel`() async throws {
        try await onLoop {
            for _ in 0..<10 {
                try await spawn { try await yield() }.value
                let task = spawn { try await sleep(for: .hour) }
                try await settle()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                let other = spawn { try await sleep(for: .zero) }
                try await other.value
            }
        }
    }

    @Test func `task-local values are inherited, and not left behind`() async throws {
        try await onLoop {
            #expect(await Self.spawnOne().local == 0)
            let inside = await Local.$value.withValue(7) { await Self.spawnOne() }
            #expect(inside.local == 7)
            let bound = spawn { await Local.$value.withValue(8) { await Self.spawnOne().local } }
            #expect(await bound.value == 8)
            #expect(await Self.spawnOne().local == 0)
        }
    }

    @Test func `a task has the priority of the one that spawned it`() async throws {
        try await onLoop {
            let executor = currentLoop.taskExecutor
            for priority in [TaskPriority.low, .high, .medium, .low] {
                let spawner = Task(executorPreference: executor, priority: priority) {
                    await Self.spawnOne().priority
                }
                #expect(await spawner.value >= priority)
            }
            let low = Task(executorPreference: executor, priority: .low) { spawn { TaskNote() } }
            #expect(await low.value.value.priority < .high)
        }
    }

    @Test func `a value whose end cancels the task cancels none but its own`() async throws {
        try await onLoop {
            // Nobody holds the handle, so the value goes with the task.
            spawn { CancelsAtItsEnd() }
            try await settle()
            #expect(await !Self.spawnOne().isCancelled)
        }
    }

    @Test func `a lock that was never unlocked does not go to the next task`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            let limiter = try CapacityLimiter(1)
            let first = await spawn { () -> UInt in
                #expect((try? lock.tryLock()) == true)
                #expect((try? limiter.tryAcquire()) == true)
                return TaskIdentity.running.address
            }.value
            await spawn {
                #expect(TaskIdentity.running.address == first)
                #expect(!lock.isHeldByCurrentTask)
                #expect(throws: LockError.notOwner) { try lock.unlock() }
                #expect((try? lock.tryLock()) == false)
                #expect(throws: CapacityError.notBorrowing) { try limiter.release() }
                #expect((try? limiter.tryAcquire()) == false)
            }.value
            #expect(lock.statistics.isLocked)
        }
    }

    @Test func `a stack that has grown is given back, by pieces or by one that is large`()
        async throws
    {
        @Sendable func dive(_ depth: Int) async throws -> Int {
            if depth == 0 { return 0 }
            try await yield()
            return try await dive(depth - 1) + 1
        }
        try await onLoop {
            let depth = try await spawn { try await dive(100) }.value
            #expect(depth == 100)
            #expect(currentLoop.core.runners.value.count == 0)
            await spawn { await Self.useLargeFrame() }.value
            #expect(currentLoop.core.runners.value.count == 0)
        }
    }

    @Test func `a task that was cancelled before leaves no standing waiter behind`() async throws {
        try await onLoop {
            let core = currentLoop.core
            let task = Task(executorPreference: currentLoop.taskExecutor) {
                withUnsafeCurrentTask { unsafe $0?.cancel() }
                try? await core.withStandingHandler {
                    #expect(TaskIdentity.running.standingWaiter != nil)
                    try await sleep(for: .hour)
                }
                return TaskIdentity.running.standingWaiter == nil
            }
            #expect(await task.value)
        }
    }

    // MARK: - What others see

    @Test func `spawned tasks are listed in the order in which they began`() async throws {
        try await onLoop {
            _ = await Self.spawnOne()
            let shared = spawn { try await sleep(for: .hour) }
            let named = spawn(name: "named") { try await sleep(for: .hour) }
            try await settle()
            let listed = currentLoop.tasks.tasks.map(\.id)
            let made = [shared.record.task?.number, named.record.task?.number]
            #expect(listed.suffix(2) == made)
            #expect(listed.count == 3)
            for task in [shared, named] { task.cancel() }
        }
    }

    @Test func `a task that has ended is nobody's parent, though its successor looks like it`()
        async throws
    {
        try await onLoop {
            let child = await spawn { spawn { try await sleep(for: .hour) } }.value
            let next = spawn { try await sleep(for: .hour) }
            try await settle()
            let tasks = currentLoop.tasks.tasks
            let record = child.record
            let sleeper = try #require(tasks.first { $0.id == record.task?.number })
            let successor = try #require(tasks.first { $0.id == next.record.task?.number })
            #expect(sleeper.parent != nil)
            #expect(sleeper.parent != successor.id)
            #expect(successor.parent == tasks.first { $0.name == "main" }?.id)
            for task in [child, next] { task.cancel() }
        }
    }

    /// Isolated to another loop.
    private actor Elsewhere {
        private let executor: any SerialExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor {
            unsafe executor.asUnownedSerialExecutor()
        }

        init(_ loop: EventLoop) { executor = loop.serialExecutor }

        func work(fails: Bool) throws -> Int {
            if fails { throw Failure() }
            return 1
        }
    }

    @Test(arguments: [false, true])
    func `an operation that ends on another thread ends its task on the loop`(fails: Bool)
        async throws
    {
        try await withLoops(1) { others in
            let actor = Elsewhere(others[0])
            // A concurrent function need not go back to where it was called.
            let operation: @concurrent @Sendable () async throws -> Int = {
                try await actor.work(fails: fails)
            }
            try await onLoop {
                let core = currentLoop.core
                for round in 0..<200 {
                    let task = spawn(operation)
                    if round % 4 == 0 { task.cancel() }
                    let result = await task.result
                    #expect((try? result.get()) == (fails ? nil : 1))
                    #expect(task.isFinished && core.isCurrent)
                }
                #expect(core.tasks.value.count == 0)
            }
        }
    }

    @Test func `a value is there for all who await it, on whichever thread`() async throws {
        try await withLoops(3) { loops in
            for round in 0..<100 {
                let task = loops[0].spawn { () async throws -> Int in
                    for _ in 0..<(round % 4) { try await yield() }
                    return round
                }
                let readers = (0..<9).map { index in
                    loops[index % 3].spawn { try await task.value }
                }
                async let outside = task.value
                var values = [try await outside]
                for reader in readers { values.append(try await reader.value) }
                #expect(values == Array(repeating: round, count: 10))
                #expect(TaskRelay.observerCount(of: task.record) == nil)
            }
        }
    }

    // MARK: - What the runtime's tasks look like

    @Test func `whether a task is cancelled is what the runtime says`() async throws {
        try await onLoop {
            let look: @Sendable () -> [Bool] = {
                let before = [TaskIdentity.isCurrentCancelled, Task.isCancelled]
                withUnsafeCurrentTask { $0?.cancel() }
                return before + [TaskIdentity.isCurrentCancelled, Task.isCancelled]
            }
            let seen = [
                await spawn { look() }.value, await Task { look() }.value,
                await Task(priority: .background) { look() }.value,
            ]
            #expect(seen == Array(repeating: [false, false, true, true], count: 3))
        }
    }

    @Test func `the head of a task is where it is looked for`() async throws {
        try await onLoop {
            let task = TaskIdentity.running
            #expect(!task.hasLocalValues)
            Local.$value.withValue(1) { #expect(task.hasLocalValues) }
            #expect(!task.hasLocalValues)
            #expect(task.priority == Task.currentPriority.rawValue)
            let number = task.number
            task.setNumber(1 << 40 | 5)
            #expect(task.number == 1 << 40 | 5)
            task.setNumber(number)
            #expect(task.number == number)
            #expect((984...8_192).contains(task.stackSize(upTo: 4_096)))
            async let child: Void = {
                #expect(TaskIdentity.running.standingWaiter == nil)
            }()
            await child
        }
    }
}

/// Cancels the task that drops it.
private final class CancelsAtItsEnd: Sendable {
    deinit { withUnsafeCurrentTask { unsafe $0?.cancel() } }
}

/// Two threads that cancel tasks as fast as they can.
private final class ThreadCancellers<Success: Sendable>: Sendable {
    private let newest = Mutex<TaskHandle<Success, Never>?>(nil)
    private let isOver = Atomic<Bool>(false)

    init() {
        for _ in 0..<2 {
            try? CurrentThread.start(name: "canceller") { [self] in
                while !isOver.load(ordering: .relaxed) {
                    newest.withLock { $0 }?.cancel()
                }
            }
        }
    }

    func cancel(_ task: TaskHandle<Success, Never>) { newest.withLock { $0 = task } }

    func stop() { isOver.store(true, ordering: .relaxed) }
}
