import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// When a sleep ends. Its matrix of cancellation is in SleepEndTests.
@Suite(.watched)
struct SleepTests {
    @Test(arguments: 1...5)
    func `sleeps end in order of deadline, equal ones in order of start (S303)`(seed: Int)
        async throws
    {
        var random = SplitMix64(seed: seed)
        let delays = (0..<300).map { _ in random.below(20) }
        let ended = Recorder<Int>()
        try await onFakeClock {
            _ = try await gather(Array(delays.enumerated())) { number, delay in
                try await sleep(for: .milliseconds(delay + 1))
                ended.append(number)
            }
        }
        let expected = delays.indices.sorted { (delays[$0], $0) < (delays[$1], $1) }
        #expect(ended.elements == expected)
    }

    @Test func `a sleep never ends early by the loop's own clock (S305)`() async throws {
        try await onLoop {
            let loop = currentLoop
            for nanoseconds in [1, 999, 1_001, 99_999, 100_001, 999_999, 1_000_001, 3_141_592] {
                let start = loop.nowNanoseconds
                try await sleep(for: .nanoseconds(nanoseconds))
                #expect(loop.nowNanoseconds - start >= UInt64(nanoseconds))
            }
        }
    }

    @Test func `a part of a nanosecond is rounded up (S305)`() async throws {
        try await onFakeClock {
            let start = currentLoop.nowNanoseconds
            try await sleep(for: Duration(secondsComponent: 0, attosecondsComponent: 1))
            #expect(currentLoop.nowNanoseconds == start + 1)
            try await sleep(for: Duration(secondsComponent: 0, attosecondsComponent: 1_000_000_001))
            #expect(currentLoop.nowNanoseconds == start + 3)
        }
    }

    @Test func `a sleep after a slow job counts from the real now (S306)`() async throws {
        try await onFakeClock {
            advanceFakeClock(milliseconds: 700)
            let slow = spawn {
                advanceFakeClock(milliseconds: 300)
                try await sleep(for: .milliseconds(10))
                #expect(fakeMilliseconds == 1_010)
            }
            try await slow.value
        }
    }

    static let enormous: [Duration] = [
        .seconds(Int64.max), Duration(secondsComponent: .max, attosecondsComponent: 999_999_999),
        .nanoseconds(Int64.max), .seconds(18_446_744_073), .seconds(18_446_744_074),
        .seconds(9_223_372_036),
    ]

    @Test(arguments: enormous)
    func `an enormous sleep does not end by itself, and is cancellable (S309 B7)`(
        duration: Duration
    ) async throws {
        try await onFakeClock {
            let sleeper = spawn { try await sleep(for: duration) }
            try await settle()
            // Some years go by.
            for _ in 0..<5 { try await sleep(for: .seconds(1 << 30)) }
            #expect(!sleeper.isFinished)
            _ = currentLoop.nextDeadline
            #expect(sleeper.cancel())
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
    }

    @Test func `the real kernel takes an enormous deadline, too (S309 B6 B7)`() async throws {
        try await onLoop {
            let sleepers = Self.enormous.map { duration in
                spawn { try await sleep(for: duration) }
            }
            // The loop has waited in the kernel with each of them as its earliest deadline.
            for sleeper in sleepers.reversed() {
                try await sleep(for: .microseconds(50))
                sleeper.cancel()
            }
            for result in await gatherResults(sleepers) {
                #expect(throws: CancellationError.self) { try result.get() }
            }
        }
    }

    @Test func `deadlines saturate at both ends (S310 B7)`() {
        let never = UInt64.max
        let cases: [(Duration, UInt64, UInt64)] = [
            (.zero, 5, 5), (.nanoseconds(-1), 5, 5), (.seconds(Int64.min), 5, 5),
            (.seconds(-1), 0, 0), (.nanoseconds(1), 5, 6), (.nanoseconds(1), never - 1, never),
            (.nanoseconds(1), never, never), (.seconds(1), never - 5, never),
            (.seconds(Int64.max), 0, never), (.seconds(Int64.max), never, never),
            (.nanoseconds(Int64.max), UInt64(Int64.max), never - 1),
            (.seconds(18_446_744_073), 0, 18_446_744_073_000_000_000),
            (.seconds(18_446_744_073), 709_551_615, never),
            (.seconds(18_446_744_073), 709_551_614, never - 1),
            (Duration(secondsComponent: 0, attosecondsComponent: 1), 5, 6),
            (Duration(secondsComponent: 0, attosecondsComponent: -1), 5, 5),
        ]
        for (delay, now, deadline) in cases {
            #expect(Monotonic.adding(delay, to: now) == deadline, "\(now) + \(delay)")
        }
        #expect(Monotonic.duration(from: 5, to: 4) == .zero)
        #expect(Monotonic.duration(from: 0, to: never) == .nanoseconds(Int64.max))
    }

    // 2^31 and 2^32 milliseconds are 24 and 49 days; the last is a hundred years.
    @Test(arguments: [1 << 31, 1 << 32, 3_153_600_000_000] as [UInt64])
    func `on a machine that has been up for long nothing happens at the edges (B16)`(
        milliseconds edge: UInt64
    ) async throws {
        try await onFakeClock {
            let edge = edge * 1_000_000
            let second: UInt64 = 1_000_000_000
            script_set_clock(edge - 30 * second)
            try await settle(3)
            let order = Recorder<Int>()
            let tasks = [45, 15, 30, 60].map { seconds in
                spawn {
                    try await sleep(for: .seconds(seconds))
                    order.append(seconds)
                    #expect(
                        currentLoop.nowNanoseconds == edge - 30 * second + UInt64(seconds) * second)
                }
            }
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(40)) { try await sleep(for: .hour) }
            }
            #expect(currentLoop.nowNanoseconds == edge + 10 * second)
            _ = try await gather(tasks)
            #expect(order.elements == [15, 30, 45, 60])
        }
    }

    @Test func `tiny sleeps do not make the loop spin (S311)`() async throws {
        try await onLoop {
            let before = currentLoop.statistics
            for _ in 0..<20 { try await sleep(for: .microseconds(200)) }
            let after = currentLoop.statistics
            #expect(after.polls - before.polls <= 40)
            #expect(after.spuriousTurns - before.spuriousTurns <= 20)
        }
    }

    @Test(arguments: [Duration.zero, .nanoseconds(-1), .seconds(-1), .seconds(Int64.min)])
    func `a sleep that is due is ready without waiting, after the others (S313 B5 B6)`(
        duration: Duration
    ) async throws {
        try await onFakeClock {
            let order = Recorder<String>()
            let loop = currentLoop
            let before = loop.statistics
            spawn { order.append("other") }
            try await sleep(for: duration)
            order.append("slept")
            #expect(order.elements == ["other", "slept"])
            #expect(loop.statistics.waits == before.waits)
            #expect(loop.nowNanoseconds == startOfTime)
        }
    }

    @Test func `a deadline that is now, or zero, is over at once (S313 B5)`() async throws {
        try await onFakeClock {
            let core = currentLoop.core
            try await core.sleep(until: 0)
            try await core.sleep(until: core.poller.now)
            try await sleep(until: ContinuousClock.now - .seconds(1))
            #expect(currentLoop.statistics.timerArmsAreNone)
        }
    }

    @Test func `a wait that time never ends is no reason to ask the kernel`() async throws {
        try await onLoop {
            let sleeper = spawn { try await sleep(for: .seconds(Int64.max)) }
            try await settle()
            let before = currentLoop.statistics
            try await settle(100)
            #expect(currentLoop.statistics.polls == before.polls)
            #expect(currentLoop.core.poller.nextDeadline == nil)
            sleeper.cancel()
        }
    }

    @Test func `a timer at zero fires, though zero would disarm the descriptor (B5)`()
        async throws
    {
        try await onLoop {
            let fired = Recorder<Int>()
            let target = NotingTarget(fired)
            _ = currentLoop.core.poller.addTimer(at: 0, target: target)
            try await until { fired.count == 1 }
        }
    }

    @Test func `timers are not starved by a task that always yields (S329 B11)`() async throws {
        try await onLoop {
            let sleeper = spawn { try await sleep(for: .milliseconds(2)) }
            while !sleeper.isFinished { try await sleep(for: .zero) }
        }
    }

    @Test func `descriptors are not starved by a task that sleeps zero (S329 B11)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn { await (try listener.accept()).close() }
            let client = spawn { await (try TCPStream.connect(to: listener.localAddress)).close() }
            while !server.isFinished || !client.isFinished { try await sleep(for: .zero) }
            await listener.close()
            try await server.value
        }
    }

    @Test func `after a pause all due sleeps end once, in order, in bounded slices (B15 S303)`()
        async throws
    {
        let ended = Recorder<Int>()
        try await onFakeClock {
            let loop = currentLoop
            let sleepers = (0..<1_200).map { number in
                spawn {
                    try await sleep(for: .milliseconds(1_200 - number))
                    ended.append(1_200 - number)
                }
            }
            try await settle(2)
            advanceFakeClock(milliseconds: 10_000)
            try await yield()
            // No more than a batch was taken from the kernel in this turn.
            #expect((1...512).contains(loop.statistics.timersFired))
            _ = try await gather(sleepers)
            #expect(loop.statistics.timersFired == 1_200)
        }
        #expect(ended.elements == Array(1...1_200))
    }
}

extension EventLoop.Statistics {
    fileprivate var timerArmsAreNone: Bool { timersFired == 0 && armedTimers == 0 }
}

/// Notes that its deadline has passed.
private final class NotingTarget: CompletionTarget {
    private let fired: Recorder<Int>

    init(_ fired: Recorder<Int>) { self.fired = fired }

    override func deadlinePassed() { fired.append(1) }
}
