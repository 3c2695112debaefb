import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

@Suite(.watched)
struct SemaphoreThreadsTests {
    @Test func `a task resumes on its own loop, whoever releases (S19)`() async throws {
        try await withLoops(2) { loops in
            let semaphore = try AsyncSemaphore(0)
            let waiting = loops.map { loop in
                loop.spawn {
                    try await semaphore.acquire()
                    return loop.isCurrent
                }
            }
            try await until { semaphore.statistics.waiting == 2 }
            try await loops[0].run { try semaphore.release() }
            try semaphore.release()
            #expect(try await gather(waiting) == [true, true])
        }
    }

    @Test func `plain tasks that run on no loop wait and are woken (S19)`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let waiting = Task { try await semaphore.acquire() }
        try await until { semaphore.statistics.waiting == 1 }
        try semaphore.release()
        try await waiting.value
        let cancelled = Task { try await semaphore.acquire() }
        try await until { semaphore.statistics.waiting == 1 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let closed = Task { try await semaphore.acquire() }
        try await until { semaphore.statistics.waiting == 1 }
        semaphore.close()
        await #expect(throws: SemaphoreError.closed) { try await closed.value }
        #expect(semaphore.statistics.available == 0)
        #expect(semaphore.statistics.waiting == 0)
    }

    @Test func `synchronous code on any thread releases`() async throws {
        let semaphore = try AsyncSemaphore(0)
        try await onLoop {
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            try await onThread { try semaphore.release() }
            try await waiting.value
        }
        #expect(semaphore.statistics.available == 0)
    }

    @Test func `many tasks on many threads end with the initial count (S57)`() async throws {
        let permits = 3
        let semaphore = try AsyncSemaphore(permits, maximum: permits)
        let inside = Atomic<Int>(0)
        let rounds = Atomic<Int>(0)
        try await withLoops(3) { loops in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<60 {
                    let work: @Sendable () async throws -> Void = {
                        for round in 0..<50 {
                            let count = 1 + (index + round) % permits
                            try await semaphore.acquire(count)
                            let now = inside.add(count, ordering: .relaxed).newValue
                            #expect(now <= permits)
                            if round % 7 == 0 { try await yield() }
                            inside.subtract(count, ordering: .relaxed)
                            rounds.add(1, ordering: .relaxed)
                            try semaphore.release(count)
                        }
                    }
                    if index % 4 == 3 {
                        group.addTask { try await work() }
                    } else {
                        let loop = loops[index % 4]
                        group.addTask { try await loop.run(work) }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(rounds.load(ordering: .relaxed) == 60 * 50)
        #expect(semaphore.statistics.available == permits)
        #expect(semaphore.statistics.waiting == 0)
        let (atOnce, waited) = (
            semaphore.statistics.acquiredAtOnce, semaphore.statistics.waited
        )
        #expect(atOnce + waited == 60 * 50)
    }

    /// One task waits on a loop; its cancellation and the release come from two other threads at
    /// the same time.
    @Test func `cancel races with release, across threads: no permit is lost (S42, S44, L1)`()
        async throws
    {
        let rounds = 1_000
        let acquired = Atomic<Int>(0)
        let semaphore = try AsyncSemaphore(0)
        try await withLoops(2) { loops in
            for _ in 0..<rounds {
                let waiting = loops[0].spawn { () async -> Bool in
                    do { try await semaphore.acquire() } catch { return false }
                    return true
                }
                let cancelling = loops[1].spawn { waiting.cancel() }
                try semaphore.release()
                if await waiting.value { acquired.add(1, ordering: .relaxed) }
                _ = await cancelling.value
            }
        }
        let count = acquired.load(ordering: .relaxed)
        #expect(semaphore.statistics.available == rounds - count)
        #expect(semaphore.statistics.waiting == 0)
    }

    /// As above, but the task waits for sure when the race begins, and another stands behind it.
    @Test func `cancel races with release while another waits: that one is served (S42, S44, L1)`()
        async throws
    {
        let semaphore = try AsyncSemaphore(0)
        try await withLoops(2) { loops in
            for _ in 0..<500 {
                let first = loops[0].spawn { () async -> Bool in
                    do { try await semaphore.acquire() } catch { return false }
                    return true
                }
                try await until { semaphore.statistics.waiting == 1 }
                let second = loops[0].spawn { try await semaphore.acquire() }
                try await until { semaphore.statistics.waiting == 2 }
                let cancelling = loops[1].spawn { first.cancel() }
                try semaphore.release()
                _ = await cancelling.value
                if await first.value {
                    #expect(semaphore.statistics.waiting == 1)
                    try semaphore.release()
                }
                try await second.value
                #expect(semaphore.statistics.available == 0)
            }
        }
    }

    @Test func `close races with acquire, release and cancel, and everybody gets an answer (S52)`()
        async throws
    {
        try await withLoops(2) { loops in
            for _ in 0..<200 {
                let semaphore = try AsyncSemaphore(0)
                let tasks = (0..<4).map { index in
                    loops[index % 2].spawn { () async -> Bool in
                        do { try await semaphore.acquire() } catch { return false }
                        return true
                    }
                }
                let closing = loops[1].spawn { semaphore.close() }
                try semaphore.release(2)
                tasks[0].cancel()
                await closing.value
                let served = await gatherResults(tasks).count { $0.get() }
                #expect(semaphore.statistics.available == 2 - served)
                #expect(semaphore.statistics.waiting == 0)
            }
        }
    }
}
