import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Waiting for a loop's end.
@Suite(.watched)
struct ShutdownTests {
    @Test func `every request to shut down is answered, early, late or at once (S391)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let requests = (0..<20).map { _ in Task { try await loop.shutdown() } }
        for request in requests { try await request.value }
        try await loop.shutdown()
        try await onThread { try loop.shutdownAndWait() }
        loop.stop()
        #expect(loop.isStopped)
    }

    @Test func `many threads may wait for the end (S391)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let ended = Recorder<Int>()
        try await onThread {
            try onThreads(8) { number in
                try? loop.shutdownAndWait()
                if loop.isStopped { ended.append(number) }
            }
        }
        #expect(ended.elements.sorted() == Array(0..<8))
    }

    @Test func `when shutdown returns, the loop's tasks have ended (S391)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let handles = (0..<50).map { _ in
            loop.spawn {
                try? await sleep(for: .hour)
                await Task { for _ in 0..<20 { await Task.yield() } }.value
            }
        }
        try await loop.shutdown()
        for handle in handles { #expect(handle.isFinished) }
    }

    @Test func `a loop cannot wait for its own end, but it ends (S408 H15)`() async throws {
        try await onLoop {
            let loop = currentLoop
            await #expect(throws: EventLoopError.wouldDeadlock) { try await loop.shutdown() }
            #expect(throws: EventLoopError.wouldDeadlock) { try loop.shutdownAndWait() }
            #expect(loop.isStopping)
        }
    }

    @Test func `a loop's thread cannot block for another loop's end (S408)`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            #expect(throws: EventLoopError.wouldDeadlock) { try other.shutdownAndWait() }
            // Waiting without blocking is fine.
            try await other.shutdown()
            #expect(other.isStopped)
        }
    }

    @Test func `a cancelled wait for the end leaves the end to itself`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let gate = ThreadGate()
        loop.core.post { gate.wait() }  // The loop is busy until the gate opens.
        let waiting = Task { try await loop.shutdown() }
        while !loop.isStopping { await Task.yield() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(!loop.isStopped)
        gate.open()
        try await loop.shutdown()
    }

    @Test func `two loops that shut each other down both end`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let tasks = [(0, 1), (1, 0)].map { mine, other in
            loops[mine].spawn { try? await loops[other].shutdown() }
        }
        for task in tasks { await task.value }
        for loop in loops { try await loop.shutdown() }
    }

    @Test func `a stop before the thread's first turn ends the loop (S351)`() async throws {
        for _ in 0..<50 {
            let loop = try EventLoop.start(configuration: .quiet)
            loop.stop()
            try await loop.shutdown()
        }
    }

    @Test func `a plain Task sleep that outlives its loop ends on time, not early (H9 H14)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let executor = loop.taskExecutor
        let asleep = Recorder<Bool>()
        let task = Task(executorPreference: executor) {
            let start = ContinuousClock.now
            asleep.append(true)
            try await Task.sleep(for: .milliseconds(30))
            return ContinuousClock.now - start
        }
        while asleep.count == 0 { await Task.yield() }
        try await loop.shutdown()
        #expect(try await task.value >= .milliseconds(30))
    }
}
