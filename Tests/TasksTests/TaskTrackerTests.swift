import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Task trackers: S257.
@Suite(.watched)
struct TaskTrackerTests {
    @Test func `the wait ends when the tracker is closed and empty (S257)`() async throws {
        try await onFakeClock {
            let tracker = TaskTracker()
            let tasks = (1...3).map { number in
                tracker.spawn { try await sleep(for: .seconds(number)) }
            }
            #expect(tracker.count == 3 && !tracker.isEmpty)
            #expect(tracker.close())
            #expect(!tracker.close())
            try await tracker.wait()
            #expect(fakeNow() == 3)
            #expect(tasks.allSatisfy { $0.isFinished } && tracker.isEmpty)
            #expect(
                tracker.statistics == TaskTracker.Statistics(count: 0, tracked: 3, waiting: 0))
        }
    }

    @Test func `to be empty while open is not the end (S257)`() async throws {
        try await onFakeClock {
            let tracker = TaskTracker()
            let waiting = spawn { try await tracker.wait() }
            try await tracker.spawn {}.value
            try await settle()
            #expect(!waiting.isFinished)
            tracker.close()
            try await waiting.value
            try await tracker.wait()
        }
    }

    @Test func `one moment is enough, though it has passed when the waiting task runs (S257)`()
        async throws
    {
        try await onFakeClock {
            let tracker = TaskTracker()
            let waiting = spawn { try await tracker.wait() }
            try await settle()
            tracker.close()
            #expect(tracker.reopen())
            #expect(!tracker.reopen())
            let gate = try AsyncSemaphore(0)
            let later = tracker.spawn { try await gate.acquire() }
            try await waiting.value
            #expect(tracker.count == 1 && !tracker.isClosed)
            try gate.release()
            try await later.value
        }
    }

    @Test func `a wait is over for those who wait, not for those who come later (S257)`()
        async throws
    {
        try await onFakeClock {
            let tracker = TaskTracker()
            tracker.close()
            try await tracker.wait()
            tracker.reopen()
            let waiting = spawn { try await tracker.wait() }
            try await settle()
            #expect(!waiting.isFinished)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(tracker.statistics.waiting == 0)
        }
    }

    @Test func `tasks and bodies count until they end, also in an error, or cancelled`()
        async throws
    {
        try await onFakeClock {
            let tracker = TaskTracker()
            await #expect(throws: Failure.self) {
                try await tracker.track { () async throws in
                    #expect(tracker.count == 1)
                    throw Failure()
                }
            }
            #expect(await tracker.track { tracker.count } == 1)
            let cancelled = tracker.spawn { try await sleep(for: .hour) }
            cancelled.cancel()
            tracker.close()
            try await tracker.wait()
            #expect(tracker.isEmpty)
            // Closed does not mean that nothing can be added.
            let more = tracker.spawn { try await sleep(for: .seconds(1)) }
            #expect(tracker.count == 1)
            try await tracker.wait()
            #expect(more.isFinished)
        }
    }

    @Test func `a wait that is cancelled before, and in the turn in which it ends`() async throws {
        try await onFakeClock {
            let tracker = TaskTracker()
            tracker.close()
            let before = spawn { try await tracker.wait() }
            before.cancel()
            await #expect(throws: CancellationError.self) { try await before.value }
            for isEndFirst in [true, false] {
                tracker.reopen()
                let waiting = spawn { try await tracker.wait() }
                try await settle()
                if isEndFirst { tracker.close() }
                waiting.cancel()
                tracker.close()
                if isEndFirst {
                    try await waiting.value
                } else {
                    await #expect(throws: CancellationError.self) { try await waiting.value }
                }
            }
        }
    }

    @Test func `tasks of two loops are counted; the wait is anywhere`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let tracker = TaskTracker()
        let ended = Recorder<Int>()
        for loop in loops {
            try await loop.run {
                for number in 0..<50 {
                    tracker.spawn {
                        try await settle(number % 5)
                        ended.append(number)
                    }
                }
            }
        }
        tracker.close()
        try await tracker.wait()
        #expect(ended.count == 100)
        for loop in loops { try await loop.shutdown() }
    }
}
