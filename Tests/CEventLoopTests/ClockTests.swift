import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

/// A clock that stands still.
@Suite struct ClockTests {
    static let start: UInt64 = 5_000_000_000

    static func stoppedLoop() throws -> TestLoop {
        let loop = try TestLoop()
        cel_clock_stop(loop.raw, start)
        return loop
    }

    /// A waiting turn that ends after so much real time.
    static func poll(_ loop: TestLoop, within nanoseconds: UInt64) throws -> [Completion] {
        var batch = [cel_completion](repeating: cel_completion(), count: 64)
        let count = cel_clock_poll(loop.raw, nanoseconds, &batch, 64)
        if count < 0 { throw TestLoop.Failure(error: -count) }
        return batch[..<Int(count)].map(Completion.init)
    }

    @Test func `a stopped clock moves only as it is told, and is seen by all`() throws {
        let loop = try Self.stoppedLoop()
        #expect(cel_loop_now(loop.raw) == Self.start)
        #expect(cel_clock_advance(loop.raw, 0) == 0)
        #expect(cel_clock_advance(loop.raw, 7) == 0)
        #expect(cel_loop_now(loop.raw) == Self.start + 7)
        let raw = Unchecked(value: loop.raw)
        startThread { #expect(cel_loop_now(raw.value) == Self.start + 7) }()
    }

    @Test func `timers go by the stopped clock, in order (S303, S305)`() throws {
        let loop = try Self.stoppedLoop()
        _ = try loop.addTimer(Self.start + 3_600_000_000_000, user: 3)
        _ = try loop.addTimer(Self.start + 10, user: 2)
        _ = try loop.addTimer(Self.start + 10, user: 1)
        #expect(try loop.poll() == [])
        #expect(cel_clock_advance(loop.raw, 9) == 0)
        #expect(try loop.poll() == [])
        #expect(cel_clock_advance(loop.raw, 1) == 0)
        // Due: a waiting turn does not wait.
        #expect(try loop.poll(wait: true) == [.timer(2), .timer(1)])
        #expect(cel_clock_advance(loop.raw, 3_600_000_000_000) == 0)
        #expect(try loop.poll() == [.timer(3)])
    }

    @Test func `a stopped clock saturates, and the end of time never comes (S309, S310)`() throws {
        let loop = try Self.stoppedLoop()
        _ = try loop.addTimer(.max)
        #expect(cel_clock_advance(loop.raw, .max) == 0)
        #expect(cel_loop_now(loop.raw) == UInt64.max - 1)
        #expect(cel_clock_advance(loop.raw, 1) == 0)
        #expect(cel_loop_now(loop.raw) == UInt64.max - 1)
        #expect(try loop.poll() == [])
        cel_clock_stop(loop.raw, .max)
        #expect(cel_loop_now(loop.raw) == UInt64.max - 1)
    }

    @Test
    func `a wait ends after so much real time: a deadline is no reason, as time stands still`()
        throws
    {
        let loop = try Self.stoppedLoop()
        _ = try loop.addTimer(Self.start + 1)
        let before = ContinuousClock.now
        #expect(try Self.poll(loop, within: 300_000) == [])
        #expect(ContinuousClock.now - before >= .nanoseconds(300_000))
        #expect(try Self.poll(loop, within: 0) == [])
        #expect(loop.statistics.waits == 2)
        #expect(loop.statistics.waited_ns == 0)
    }

    @Test func `a wait ends sooner for an event or a wake-up`() throws {
        let loop = try Self.stoppedLoop()
        let pair = Pair()
        let token = try loop.register(pair.near, user: 9)
        _ = try loop.pollUntilIdle()
        pair.send()
        let century: UInt64 = 3_000_000_000_000_000_000
        #expect(
            try Self.poll(loop, within: century)
                == [.ready(9, events: Events.readable | Events.writable)])
        cel_loop_wakeup(loop.raw)
        #expect(try Self.poll(loop, within: .max) == [.wakeup])
        // What is left of the bound of an earlier wait does not end a later one that has none.
        #expect(try Self.poll(loop, within: 1) == [])
        let armed = loop.statistics.timer_arms
        cel_loop_wakeup(loop.raw)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(loop.statistics.timer_arms - armed <= 1)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `a bound that has not ended is taken back before a wait without one`() throws {
        let loop = try Self.stoppedLoop()
        cel_loop_wakeup(loop.raw)
        #expect(try Self.poll(loop, within: 3_600_000_000_000) == [.wakeup])
        #expect(script_timer_value().it_value.tv_sec == 3_600)
        cel_loop_wakeup(loop.raw)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(script_timer_value().it_value.tv_sec == 0)
        #expect(script_timer_value().it_value.tv_nsec == 0)
        // A host's poll is not woken by deadlines.
        _ = try loop.addTimer(Self.start + 1)
        let arms = loop.statistics.timer_arms
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(loop.statistics.timer_arms == arms)
    }

    @Test func `a timer descriptor that fails is an error of the wait`() throws {
        let loop = try Self.stoppedLoop()
        script_fail(SCRIPT_TIMERFD_SETTIME, 1, 1, EBADF)
        #expect(throws: TestLoop.Failure(error: EBADF)) { try Self.poll(loop, within: 1) }
        #expect(try Self.poll(loop, within: 1) == [])
    }

    @Test func `a running clock cannot be moved, nor waited by`() throws {
        let loop = try TestLoop(clock: Self.start)
        #expect(cel_clock_advance(loop.raw, 1) == -EINVAL)
        var batch = [cel_completion](repeating: cel_completion(), count: 2)
        #expect(cel_clock_poll(loop.raw, 1, &batch, 2) == -EINVAL)
        cel_clock_stop(loop.raw, Self.start)
        #expect(cel_clock_poll(loop.raw, 1, &batch, 1) == -EINVAL)
    }
}
