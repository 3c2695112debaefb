import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Waiting until all other tasks are blocked: S335, S339.
@Suite(.watched)
struct BlockedTests {
    @Test func `it returns only after all others sleep (S339)`() async throws {
        try await withSeeds(100) { _ in
            let steps = Recorder<Int>()
            for task in 0..<5 {
                spawn {
                    for _ in 0..<10 * task {
                        try await yield()
                        steps.append(task)
                    }
                    try await sleep(for: .hour)
                }
            }
            try await waitUntilAllBlocked()
            #expect(steps.count == 100)
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `with a cushion, it returns only after they have slept for that long (S339)`()
        async throws
    {
        try await withVirtualTime {
            let steps = Recorder<Duration>()
            spawn {
                for _ in 0..<3 {
                    try await sleep(for: .seconds(2))
                    steps.append(VirtualTime.now)
                }
            }
            try await waitUntilAllBlocked(cushion: .seconds(5))
            #expect(steps.elements == [.seconds(2), .seconds(4), .seconds(6)])
            #expect(VirtualTime.now == .seconds(11))
        }
    }

    @Test func `those with the shortest cushion go first, and together (S339)`() async throws {
        try await withVirtualTime {
            let woken = Recorder<Int>()
            for cushion in [3, 1, 2, 1] {
                spawn {
                    try await waitUntilAllBlocked(cushion: .seconds(cushion))
                    woken.append(cushion)
                }
            }
            try await sleep(for: .seconds(20))
            #expect(woken.elements == [1, 1, 2, 3])
        }
    }

    @Test func `without a cushion it comes before a jump of time (S335)`() async throws {
        try await withVirtualTime {
            let order = Recorder<String>()
            let sleeper = spawn {
                try await sleep(for: .seconds(100))
                order.append("slept")
            }
            let waiter = spawn {
                try await waitUntilAllBlocked()
                order.append("all were blocked")
                try await sleep(for: .seconds(1_000))
                order.append("done")
            }
            _ = try await gather(sleeper, waiter)
            #expect(order.elements == ["all were blocked", "slept", "done"])
        }
    }

    @Test func `with a cushion it comes after the deadlines within (S335)`() async throws {
        try await withVirtualTime {
            let order = Recorder<String>()
            let sleeper = spawn {
                try await sleep(for: .seconds(100))
                order.append("slept")
            }
            let waiter = spawn {
                // A deadline at the very end of the cushion comes first, too.
                try await waitUntilAllBlocked(cushion: .seconds(100))
                order.append("all were blocked")
                #expect(VirtualTime.now == .seconds(200))
            }
            _ = try await gather(sleeper, waiter)
            #expect(order.elements == ["slept", "all were blocked"])
        }
    }

    @Test func `waiting so, again and again, does not keep time from jumping (S335)`() async throws
    {
        try await withVirtualTime {
            let waiter = spawn {
                try await waitUntilAllBlocked(cushion: .seconds(1))
                try await waitUntilAllBlocked(cushion: .seconds(1))
                try await sleep(for: .seconds(10))
            }
            let sleeper = spawn { try await sleep(for: .seconds(10)) }
            _ = try await gather(waiter, sleeper)
            #expect(VirtualTime.now == .seconds(12))
        }
    }

    @Test func `it ends when it is cancelled, before and while it waits`() async throws {
        try await withVirtualTime {
            let early = spawn { try await waitUntilAllBlocked() }
            early.cancel()
            await #expect(throws: CancellationError.self) { try await early.value }
            let late = spawn { try await waitUntilAllBlocked(cushion: .hour) }
            try await waitUntilAllBlocked()
            late.cancel()
            await #expect(throws: CancellationError.self) { try await late.value }
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `a stopped loop ends it`() async throws {
        let outcome = Recorder<String>()
        try? await withVirtualTime {
            EventLoop.current?.stop()
            // The tasks that the loop does not know of are not cancelled.
            Task(executorPreference: EventLoop.current!.taskExecutor) {
                do {
                    try await sleep(for: .zero)
                    try await waitUntilAllBlocked(cushion: .hour)
                } catch { outcome.append("\(type(of: error))") }
            }
        }
        #expect(outcome.elements == ["EventLoopError"])
    }
}
