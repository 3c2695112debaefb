import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// The condition's own statements: S29 to S39. A lock of another loop cannot be refused (S39), as
/// primitives belong to no loop; a cancellation has no message that could be kept (S34).
@Suite(.watched)
struct AsyncConditionTests {
    /// Starts tasks that wait for the condition, one after the other, and tell when they go on.
    private func waiting(
        _ condition: AsyncCondition, _ count: Int, _ woken: Recorder<Int>
    ) async throws -> [TaskHandle<Void, any Error>] {
        var tasks: [TaskHandle<Void, any Error>] = []
        for index in 0..<count {
            tasks.append(
                spawn {
                    try await condition.withLock {
                        try await condition.wait()
                        #expect(condition.lock.isHeldByCurrentTask)
                        woken.append(index)
                    }
                })
            try await settle(4)
        }
        #expect(condition.statistics.waiting == count)
        return tasks
    }

    @Test func `a wait gives up the lock, and holds it again when it returns (S29)`() async throws {
        try await onLoop {
            let condition = AsyncCondition()
            let woken = Recorder<Int>()
            let tasks = try await waiting(condition, 3, woken)
            #expect(!condition.lock.statistics.isLocked)
            for round in 1...3 {
                try await condition.withLock {
                    try condition.notify()
                    try await settle()
                    // Woken, but the lock is ours.
                    #expect(woken.count == round - 1)
                    #expect(condition.lock.statistics.waiting == 1)
                }
                try await settle()
                #expect(woken.count == round)
            }
            for task in tasks { try await task.value }
        }
    }

    @Test func `notify wakes as many as it says, in order, and no more (S30)`() async throws {
        try await onLoop {
            let condition = AsyncCondition()
            let woken = Recorder<Int>()
            let tasks = try await waiting(condition, 6, woken)
            func notify(_ count: Int?) async throws {
                try await condition.withLock {
                    if let count { try condition.notify(count) } else { try condition.notifyAll() }
                }
                try await settle()
            }
            try await notify(0)
            #expect(woken.elements == [])
            try await notify(1)
            #expect(woken.elements == [0])
            try await notify(2)
            #expect(woken.elements == [0, 1, 2])
            try await notify(nil)
            #expect(woken.elements == [0, 1, 2, 3, 4, 5])
            // Nothing is kept for those who come later.
            try await notify(100)
            let late = try await waiting(condition, 1, woken)
            try await settle()
            #expect(woken.count == 6)
            try await notify(100)
            for task in tasks + late { try await task.value }
        }
    }

    @Test func `without the lock, waiting and notifying are errors (S31)`() async throws {
        try await onLoop {
            let condition = AsyncCondition()
            await #expect(throws: LockError.notLocked) { try await condition.wait() }
            await #expect(throws: LockError.notLocked) { try await condition.wait { true } }
            #expect(throws: LockError.notLocked) { try condition.notify() }
            #expect(throws: LockError.notLocked) { try condition.notifyAll() }
            let holder = spawn {
                try await condition.lock.lock()
                try await sleep(for: .hour)
            }
            try await settle()
            await #expect(throws: LockError.notOwner) { try await condition.wait() }
            #expect(throws: LockError.notOwner) { try condition.notify(0) }
            #expect(condition.statistics.waiting == 0)
            holder.cancel()
            _ = await holder.result
        }
    }

    @Test func `a cancelled wait takes the lock again before it throws (S32, S34)`() async throws {
        try await onLoop {
            let condition = AsyncCondition()
            let task = spawn {
                try await condition.withLock {
                    await #expect(throws: CancellationError.self) { try await condition.wait() }
                    #expect(condition.lock.isHeldByCurrentTask)
                }
            }
            try await settle()
            try await condition.lock.lock()
            task.cancel()
            try await settle()
            // It is out of the condition's queue, and in the lock's.
            #expect(condition.statistics.waiting == 0)
            #expect(!task.isFinished)
            #expect(condition.lock.statistics.waiting == 1)
            try condition.lock.unlock()
            try await task.value
            #expect(!condition.lock.statistics.isLocked)
        }
    }

    @Test func `cancelled before it waits, a task never gives up the lock (S32)`() async throws {
        try await onLoop {
            let condition = AsyncCondition()
            let task = spawn {
                try await condition.withLock {
                    try? await sleep(for: .hour)
                    await #expect(throws: CancellationError.self) { try await condition.wait() }
                    #expect(condition.lock.isHeldByCurrentTask)
                }
            }
            try await settle()
            task.cancel()
            try await task.value
            #expect(condition.statistics.waiting == 0)
            #expect(!condition.lock.statistics.isLocked)
        }
    }

    @Test
    func `notified, then cancelled while it takes the lock again: the next is woken (S34, S36)`()
        async throws
    {
        try await onLoop {
            let condition = AsyncCondition()
            let woken = Recorder<Int>()
            let tasks = try await waiting(condition, 3, woken)
            try await condition.withLock {
                try condition.notify()
                try await settle()
                #expect(condition.lock.statistics.waiting == 1)
                tasks[0].cancel()
                try await settle()
                // Nothing interrupts it.
                #expect(condition.lock.statistics.waiting == 1)
            }
            await #expect(throws: CancellationError.self) { try await tasks[0].value }
            try await tasks[1].value
            #expect(woken.elements == [1])
            #expect(condition.statistics.waiting == 1)
            #expect(!condition.lock.statistics.isLocked)
            tasks[2].cancel()
            _ = await tasks[2].result
        }
    }

    @Test func `the main body's wait is cancelled in both phases, with the lock in hand (S34)`()
        async throws
    {
        // The main body has a standing cancellation handler, which is another path.
        for isNotifiedFirst in [false, true] {
            let condition = AsyncCondition()
            await #expect(throws: CancellationError.self) {
                try await onLoop {
                    let main = TaskIdentity.current
                    try await condition.lock.lock()
                    LoopCore.current?.post {
                        if isNotifiedFirst { condition.wake(1) }
                        main?.cancel()
                    }
                    defer { #expect(condition.lock.isHeldByCurrentTask) }
                    try await condition.wait()
                }
            }
            #expect(condition.statistics.waiting == 0)
            #expect(condition.lock.statistics.isLocked)
        }
    }

    @Test func `several conditions share one lock (S39)`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            let isFull = AsyncCondition(lock: lock)
            let isEmpty = AsyncCondition(lock: lock)
            let consumed = Recorder<Int>()
            let cell = Recorder<Int>()
            let producer = spawn {
                for number in 0..<20 {
                    try await lock.withLock {
                        try await isEmpty.wait { cell.count == 0 }
                        cell.append(number)
                        try isFull.notify()
                    }
                }
            }
            let consumer = spawn {
                for _ in 0..<20 {
                    try await lock.withLock {
                        try await isFull.wait { cell.count == 1 }
                        if let number = cell.removeFirst() { consumed.append(number) }
                        try isEmpty.notify()
                    }
                }
            }
            try await producer.value
            try await consumer.value
            #expect(consumed.elements == Array(0..<20))
        }
    }

    @Test func `a failing look ends the wait, with the lock in hand`() async throws {
        try await onLoop {
            struct Failure: Error {}
            let condition = AsyncCondition()
            try await condition.withLock {
                await #expect(throws: Failure.self) {
                    try await condition.wait { throw Failure() }
                }
                #expect(condition.lock.isHeldByCurrentTask)
            }
        }
    }

    @Test func `producers and consumers on two loops lose no item, cancellations or not (L3)`()
        async throws
    {
        let condition = AsyncCondition()
        let items = Recorder<Int>()
        let consumed = Recorder<Int>()
        try await withLoops(2) { loops in
            let consumers = (0..<6).map { index in
                loops[index % 2].spawn {
                    while true {
                        try await condition.withLock {
                            try await condition.wait { items.count > 0 }
                            if let item = items.removeFirst() { consumed.append(item) }
                        }
                    }
                }
            }
            let producers = loops.map { loop in
                loop.spawn {
                    for number in 0..<300 {
                        try await condition.withLock {
                            items.append(number)
                            try condition.notify()
                        }
                        if number % 50 == 0 { consumers[number / 100].cancel() }
                    }
                }
            }
            for producer in producers { try await producer.value }
            // Three consumers are left: none of the wake-ups went to one that is gone.
            try await until { consumed.count == 600 }
            for consumer in consumers { consumer.cancel() }
            for consumer in consumers { _ = await consumer.result }
        }
        #expect(condition.statistics.waiting == 0)
        #expect(!condition.lock.statistics.isLocked)
    }
}
