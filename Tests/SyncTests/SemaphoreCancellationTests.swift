import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct SemaphoreCancellationTests {
    @Test func `a task cancelled before it asks gets nothing, even if a permit is free (S42)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            let task = spawn { try await semaphore.acquire() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(semaphore.statistics.available == 1)
            #expect(semaphore.statistics.waited == 0)
        }
    }

    @Test func `a task cancelled while it waits leaves the queue (S42)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let first = spawn { try await semaphore.acquire() }
            let second = spawn { try await semaphore.acquire() }
            try await settle()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(semaphore.statistics.waiting == 1)
            try semaphore.release()
            try await second.value
            #expect(semaphore.statistics.available == 0)
            try semaphore.release()
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `cancelled, then a permit is released in the same step: it stays free (S42)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            waiting.cancel()
            try semaphore.release()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(semaphore.tryAcquire())
            #expect(semaphore.statistics.waiting == 0)
        }
    }

    @Test func `cancelled, then a permit is released in the same step: the next has it (S42, L1)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let first = spawn { try await semaphore.acquire() }
            let second = spawn { try await semaphore.acquire() }
            try await settle()
            first.cancel()
            try semaphore.release()
            try await second.value
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(semaphore.statistics.available == 0)
        }
    }

    @Test func `a permit handed to a task that is then cancelled is free again (S44)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0, maximum: 1)
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            try semaphore.release()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(semaphore.statistics.available == 1)
            try await semaphore.acquire()
        }
    }

    @Test func `a permit handed to a task that is then cancelled goes to the next (S44, L1)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let first = spawn { try await semaphore.acquire() }
            let second = spawn { try await semaphore.acquire() }
            let third = spawn { try await semaphore.acquire() }
            try await settle()
            try semaphore.release()
            first.cancel()
            try await second.value
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(!third.isFinished)
            #expect(semaphore.statistics.waiting == 1)
            third.cancel()
        }
    }

    @Test(arguments: 1...6)
    func `every subset of those who got permits may be cancelled (S44, L1)`(granted: Int)
        async throws
    {
        for mask in 0..<(1 << granted) {
            try await onLoop {
                let semaphore = try AsyncSemaphore(0)
                let tasks = (0..<6).map { _ in spawn { try await semaphore.acquire() } }
                try await settle(3)
                try semaphore.release(granted)
                for index in 0..<granted where mask & (1 << index) != 0 { tasks[index].cancel() }
                try await settle()
                let cancelled = mask.nonzeroBitCount
                let served = min(granted, 6 - cancelled)
                #expect(tasks.count { $0.isFinished } == served + cancelled)
                #expect(semaphore.statistics.available == granted - served)
                for task in tasks { task.cancel() }
            }
        }
    }

    @Test func `the main body's own wait loses its place in both orders, too (S42, S44)`()
        async throws
    {
        // The main body has a standing cancellation handler, which is another path.
        for isGrantedFirst in [false, true] {
            let semaphore = try AsyncSemaphore(0)
            await #expect(throws: CancellationError.self) {
                try await onLoop {
                    let main = TaskIdentity.current
                    LoopCore.current?.post {
                        if isGrantedFirst { try? semaphore.release() }
                        main?.cancel()
                        if !isGrantedFirst { try? semaphore.release() }
                    }
                    try await semaphore.acquire()
                }
            }
            #expect(semaphore.statistics.available == 1)
            #expect(semaphore.statistics.waiting == 0)
        }
    }

    @Test func `a large request that is cancelled lets the small ones behind it through (S42)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(2)
            let large = spawn { try await semaphore.acquire(3) }
            let small = (0..<2).map { _ in spawn { try await semaphore.acquire() } }
            let behind = spawn { try await semaphore.acquire() }
            try await settle()
            #expect(semaphore.statistics.waiting == 4)
            large.cancel()
            _ = try await gather(small)
            #expect(!behind.isFinished)
            #expect(semaphore.statistics.available == 0)
            behind.cancel()
        }
    }

    @Test func `a large request cancelled after its grant gives all its permits on (S44)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let large = spawn { try await semaphore.acquire(3) }
            let small = (0..<2).map { _ in spawn { try await semaphore.acquire() } }
            try await settle()
            try semaphore.release(3)
            large.cancel()
            await #expect(throws: CancellationError.self) { try await large.value }
            _ = try await gather(small)
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `a large request takes nothing until it can take all (S51)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let large = spawn { try await semaphore.acquire(3) }
            try await settle()
            try semaphore.release(2)
            try await settle()
            #expect(!large.isFinished)
            #expect(semaphore.statistics.available == 2)
            try semaphore.release()
            try await large.value
            #expect(semaphore.statistics.available == 0)
        }
    }

    @Test func `withPermit does not run its body when it is cancelled after the grant (S44)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let hasRun = Recorder<Bool>()
            let task = spawn { try await semaphore.withPermit { hasRun.append(true) } }
            try await settle()
            try semaphore.release()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(hasRun.count == 0)
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `a task cancelled while it holds a permit keeps it until it releases`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1, maximum: 1)
            let holder = spawn {
                try await semaphore.acquire()
                try? await sleep(for: .hour)
                #expect(semaphore.statistics.available == 0)
                await #expect(throws: CancellationError.self) { try await semaphore.acquire() }
                try semaphore.release()
            }
            try await settle()
            holder.cancel()
            try await holder.value
            #expect(semaphore.statistics.available == 1)
        }
    }
}
