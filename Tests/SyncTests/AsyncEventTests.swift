import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncEventTests {
    @Test func `set, cleared and set again in one step: each waiter wakes once (S23)`()
        async throws
    {
        try await onLoop {
            let event = AsyncEvent()
            let woken = Recorder<Int>()
            let tasks = (0..<3).map { index in
                spawn {
                    try await event.wait()
                    woken.append(index)
                }
            }
            try await settle()
            #expect(event.statistics == .init(isSet: false, waiting: 3))
            event.set()
            event.set()
            event.clear()
            event.set()
            // The number of waiters falls with the set (S26).
            #expect(event.statistics == .init(isSet: true, waiting: 0))
            for task in tasks { try await task.value }
            #expect(woken.elements == [0, 1, 2])
        }
    }

    @Test func `cleared after the set, before they have run: those who waited are through (S25)`()
        async throws
    {
        try await onLoop {
            let event = AsyncEvent()
            let waiting = spawn { try await event.wait() }
            try await settle()
            event.set()
            event.clear()
            let late = spawn { try await event.wait() }
            try await waiting.value
            try await settle()
            #expect(!late.isFinished)
            #expect(event.statistics == .init(isSet: false, waiting: 1))
            late.cancel()
            await #expect(throws: CancellationError.self) { try await late.value }
            event.set()
            #expect(event.statistics == .init(isSet: true, waiting: 0))
        }
    }

    @Test func `the main body sees a set that came before its cancellation (S25)`() async throws {
        // The main body has a standing cancellation handler, which is another path.
        let event = AsyncEvent()
        try await onLoop {
            let main = TaskIdentity.current
            LoopCore.current?.post {
                event.set()
                main?.cancel()
            }
            try await event.wait()
            #expect(Task.isCancelled)
            await #expect(throws: CancellationError.self) { try await event.wait() }
        }
    }

    @Test func `an event can be made set, and can be set and cleared from any thread (S19)`()
        async throws
    {
        let event = AsyncEvent(isSet: true)
        try await onLoop {
            try await event.wait()
            try await onThread { event.clear() }
            #expect(!event.isSet)
            let waiting = spawn { try await event.wait() }
            try await settle()
            try await onThread { event.set() }
            try await waiting.value
        }
    }

    @Test func `sets and clears race with waits across threads: nobody sleeps over a set`()
        async throws
    {
        // Two tasks of two loops hand a turn back and forth, by two events.
        let ping = AsyncEvent()
        let pong = AsyncEvent()
        try await withLoops(2) { loops in
            let first = loops[0].spawn {
                for _ in 0..<500 {
                    ping.set()
                    try await pong.wait()
                    pong.clear()
                }
            }
            let second = loops[1].spawn {
                for _ in 0..<500 {
                    try await ping.wait()
                    ping.clear()
                    pong.set()
                }
            }
            try await first.value
            try await second.value
        }
    }
}
