import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct SemaphoreEndTests {
    @Test func `close fails those who wait and those who come, and keeps what is out (S52)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await semaphore.acquire()
            let waiting = (0..<3).map { _ in spawn { try await semaphore.acquire() } }
            try await settle()
            semaphore.close()
            for task in waiting {
                await #expect(throws: SemaphoreError.closed) { try await task.value }
            }
            await #expect(throws: SemaphoreError.closed) { try await semaphore.acquire() }
            #expect(semaphore.statistics.waiting == 0)
            try semaphore.release()
            #expect(semaphore.statistics.available == 1)
            #expect(!semaphore.tryAcquire())
            await #expect(throws: SemaphoreError.closed) { try await semaphore.acquire() }
            semaphore.close()
        }
    }

    @Test func `a permit that was handed over before the close stays with its task (S52)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let first = spawn { try await semaphore.acquire() }
            let second = spawn { try await semaphore.acquire() }
            try await settle()
            try semaphore.release()
            semaphore.close()
            try await first.value
            await #expect(throws: SemaphoreError.closed) { try await second.value }
        }
    }

    @Test func `closed first, then cancelled: the task learns of the close (S52)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let task = spawn { try await semaphore.acquire() }
            try await settle()
            semaphore.close()
            task.cancel()
            await #expect(throws: SemaphoreError.closed) { try await task.value }
        }
    }

    @Test func `cancelled first, then closed: the task learns of the cancellation (S52)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let task = spawn { try await semaphore.acquire() }
            try await settle()
            task.cancel()
            semaphore.close()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `withPermit gives back a permit of a semaphore closed meanwhile (S52)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await semaphore.withPermit { semaphore.close() }
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `a release in a cancellation handler, or as a value goes, does no harm (S53)`()
        async throws
    {
        final class Guarded: Sendable {
            let semaphore: AsyncSemaphore
            init(_ semaphore: AsyncSemaphore) { self.semaphore = semaphore }
            deinit { try? semaphore.release() }
        }
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let next = Recorder<Int>()
            let first = spawn {
                let guarded = Guarded(semaphore)
                return try await withTaskCancellationHandler {
                    try await semaphore.acquire()
                    withExtendedLifetime(guarded) {}
                } onCancel: {
                    try? semaphore.release()
                }
            }
            for index in 0..<2 {
                spawn {
                    try await semaphore.acquire()
                    next.append(index)
                }
            }
            try await settle()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            try await settle()
            #expect(next.elements == [0, 1])
            #expect(semaphore.statistics.available == 0)
        }
    }

    @Test func `a task that is woken by a release in its own loop's turn may release on (S53)`()
        async throws
    {
        try await onLoop {
            // A chain: each one's wake-up releases the next from within its own step.
            let chain = try (0..<50).map { _ in try AsyncSemaphore(0) }
            for (this, next) in zip(chain, chain.dropFirst()) {
                spawn {
                    try await this.acquire()
                    try next.release()
                }
            }
            try chain[0].release()
            try await chain[49].acquire()
        }
    }

    @Test func `the end of the loop cancels tasks that wait`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let ended = Recorder<String>()
        try await onLoop {
            spawn {
                do { try await semaphore.acquire() } catch { ended.append("\(type(of: error))") }
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError"])
        #expect(semaphore.statistics.waiting == 0)
    }

    @Test func `clean-up at the end of the loop may release what another waits for`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let ended = Recorder<Int>()
        try await onLoop {
            spawn {
                try? await sleep(for: .hour)
                try semaphore.release()
            }
            let plain = Task {
                try await semaphore.acquire()
                ended.append(1)
            }
            try await until { semaphore.statistics.waiting == 1 }
            _ = plain
        }
        try await until { ended.count == 1 }
        #expect(semaphore.statistics.available == 0)
    }

    @Test func `a task whose loop has ended gets its permit all the same`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) {
            try await semaphore.acquire()
            return LoopCore.current === loop.core
        }
        try await until { semaphore.statistics.waiting == 1 }
        try await loop.shutdown()
        try semaphore.release()
        #expect(try await late.value)
        #expect(semaphore.statistics.waiting == 0)
    }

    @Test func `a task whose loop has ended can be cancelled while it waits`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let loop = try EventLoop.start(configuration: .quiet)
        let late = Task(executorPreference: loop.taskExecutor) { try await semaphore.acquire() }
        try await until { semaphore.statistics.waiting == 1 }
        try await loop.shutdown()
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(semaphore.statistics.waiting == 0)
    }

    @Test func `a task spawned on a loop that has ended is cancelled at its acquire`()
        async throws
    {
        let semaphore = try AsyncSemaphore(1)
        let loop = try EventLoop.start(configuration: .quiet)
        try await loop.shutdown()
        let late = loop.spawn { try await semaphore.acquire() }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(semaphore.statistics.available == 1)
    }

    @Test func `a task of a loop that has ended may use up its budget of operations`()
        async throws
    {
        let semaphore = try AsyncSemaphore(1)
        let loop = try EventLoop.start(configuration: .quiet)
        try await loop.shutdown()
        let late = Task(executorPreference: loop.taskExecutor) {
            for _ in 0..<1_000 {
                try await semaphore.acquire()
                try semaphore.release()
            }
        }
        try await late.value
        #expect(semaphore.statistics.available == 1)
    }
}
