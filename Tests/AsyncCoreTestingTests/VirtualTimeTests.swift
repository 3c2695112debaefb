import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Time that jumps: S334.
@Suite(.watched)
struct VirtualTimeTests {
    @Test func `hours of sleep take no real time (S334)`() async throws {
        let start = ContinuousClock.now
        try await withVirtualTime {
            try await sleep(for: .seconds(7200))
            #expect(VirtualTime.now == .seconds(7200))
        }
        // All tests share the machine, under sanitizers, too.
        #expect(ContinuousClock.now - start < .seconds(200))
    }

    @Test func `time stands still while a task can run, and jumps to each deadline in turn (S334)`()
        async throws
    {
        try await withVirtualTime {
            let ended = Recorder<Duration>()
            let busy = spawn {
                for _ in 0..<1_000 { try await yield() }
                #expect(VirtualTime.now == .zero)
            }
            _ = try await gather([3, 1, 2, 1]) { seconds in
                try await sleep(for: .seconds(seconds))
                ended.append(VirtualTime.now)
            }
            try await busy.value
            #expect(ended.elements == [.seconds(1), .seconds(1), .seconds(2), .seconds(3)])
        }
    }

    /// Whether so much virtual time has gone by, to the few milliseconds that the real clock, which plain `Task.sleep`
    /// and instants go by, may have run on between two lines of a busy machine.
    private static func isAbout(_ time: Duration) -> Bool {
        VirtualTime.now <= time && VirtualTime.now > time - .milliseconds(500)
    }

    @Test func `plain Task.sleep goes by virtual time (S334)`() async throws {
        try await withVirtualTime {
            for _ in 0..<10 { try await Task.sleep(for: .seconds(60)) }
            #expect(Self.isAbout(.seconds(600)))
            try await Task.sleep(until: .now + .seconds(5))
            #expect(Self.isAbout(.seconds(605)))
            try await Task.sleep(nanoseconds: 1_000_000_000)
            #expect(Self.isAbout(.seconds(606)))
            try await Task.sleep(for: .seconds(4), clock: .suspending)
            #expect(Self.isAbout(.seconds(610)))
        }
    }

    @Test func `a delay read off another clock counts in whole milliseconds`() async throws {
        try await withVirtualTime {
            let core = LoopCore.current!
            let cases: [(Duration, UInt64)] = [
                (.zero, 0), (.seconds(-1), 0), (.nanoseconds(1), 1), (.microseconds(999), 1),
                (.milliseconds(1), 1), (.nanoseconds(34_999_100), 35), (.seconds(60), 60_000),
            ]
            for (delay, milliseconds) in cases {
                let deadline = core.deadline(afterMeasured: delay)
                #expect(deadline == core.poller.now + milliseconds * 1_000_000, "\(delay)")
            }
            #expect(core.deadline(afterMeasured: .seconds(Int64.max)) == Monotonic.never)
        }
    }

    @Test func `timeouts and deadlines go by virtual time (S334)`() async throws {
        try await withVirtualTime {
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(30)) { try await sleep(for: .hour) }
            }
            #expect(VirtualTime.now == .seconds(30))
            await #expect(throws: TimeoutError.self) {
                try await withDeadline(.now + .seconds(30)) { try await sleep(for: .hour) }
            }
            #expect(Self.isAbout(.seconds(60)))
            try await sleep(until: .now + .seconds(1))
            #expect(Self.isAbout(.seconds(61)))
            // A body that takes less than its deadline, by a nanosecond.
            let seconds = try await withTimeout(.seconds(1)) {
                try await sleep(for: .nanoseconds(999_999_999))
                return 1
            }
            #expect(seconds == 1)
        }
    }

    @Test func `an enormous sleep is no deadline, and a long one is (S309, S334)`() async throws {
        try await withVirtualTime {
            let endless = spawn { try await sleep(for: .seconds(Int64.max)) }
            let years = Duration.seconds(100 * 365 * 86_400)
            try await sleep(for: years)
            #expect(VirtualTime.now == years)
            endless.cancel()
            await #expect(throws: CancellationError.self) { try await endless.value }
        }
    }

    @Test func `the loop's own clock and statistics go by virtual time`() async throws {
        try await withVirtualTime {
            let loop = EventLoop.current!
            let before = loop.nowNanoseconds
            try await sleep(for: .seconds(10))
            #expect(loop.nowNanoseconds - before == 10_000_000_000)
            #expect(loop.statistics.timersFired == 1)
            #expect(loop.statistics.waits == 0)
        }
    }

    @Test func `a clock shows virtual time to code that is given one`() async throws {
        /// Code under test: takes any clock.
        func poll<C: Clock>(on clock: C, _ times: Int) async throws -> C.Duration
        where C.Duration == Duration {
            let start = clock.now
            for _ in 0..<times { try await clock.sleep(for: .seconds(20)) }
            return start.duration(to: clock.now)
        }
        try await withVirtualTime {
            #expect(try await poll(on: VirtualClock(), 3) == .seconds(60))
            #expect(VirtualClock().now.sinceStart == .seconds(60))
            try await Task.sleep(for: .seconds(1), clock: VirtualClock())
            #expect(VirtualTime.now == .seconds(61))
        }
    }

    @Test func `the body's error is thrown, and its value returned`() async throws {
        #expect(try await withVirtualTime { 7 } == 7)
        await #expect(throws: TimeoutError.self) {
            try await withVirtualTime { throw TimeoutError() }
        }
    }

    @Test func `an error that nobody looked at fails the run`() async throws {
        let error = await #expect(throws: UnhandledTaskError.self) {
            try await withVirtualTime {
                spawn(name: "careless") { throw TimeoutError() }
                try await waitUntilAllBlocked()
            }
        }
        #expect(error?.task == "careless")
        #expect(error?.error is TimeoutError)
    }

    @Test func `cancelling the caller cancels the body`() async throws {
        let begun = Recorder<Int>()
        let run = Task {
            try await withVirtualTime {
                // Held, so that the sleep cannot end by itself.
                try await VirtualTime.hold {
                    begun.append(1)
                    try await sleep(for: .hour)
                }
            }
        }
        while begun.count == 0 { await Task.yield() }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
    }

    @Test func `the body keeps the caller's task-local values`() async throws {
        try await Local.$number.withValue(5) {
            try await withVirtualTime {
                #expect(Local.number == 5)
                await spawn { #expect(Local.number == 5) }.value
            }
        }
    }

    enum Local {
        @TaskLocal static var number = 0
    }

    @Test func `virtual time outside of a run on virtual time is a mistake that is named (S338)`()
        async
    {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            // A loop on a thread of its own, in real time.
            let loop = try EventLoop.start(configuration: .quiet)
            try await loop.run { try await VirtualTime.advance(by: .seconds(1)) }
        }
        #if DEBUG
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("advance(by:) was used outside of virtual time"))
        #endif
    }
}

/// Loops that wait for each other.
extension VirtualTimeTests {
    @Test func `time waits for what runs on another loop, and for its end`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await withVirtualTime {
            try await withTimeout(.seconds(1)) {
                try await other.run { try await sleep(for: .milliseconds(5)) }
                try await other.shutdown()
            }
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `run on the loop itself holds nothing`() async throws {
        try await withVirtualTime {
            try await EventLoop.current!.run { try await sleep(for: .seconds(1)) }
            #expect(VirtualTime.now == .seconds(1))
        }
    }

    @Test func `runs on virtual time nest`() async throws {
        try await withVirtualTime {
            try await withTimeout(.seconds(1)) {
                try await withVirtualTime {
                    try await sleep(for: .hour)
                    #expect(VirtualTime.now == .hour)
                }
            }
            #expect(VirtualTime.now == .zero)
        }
    }
}
