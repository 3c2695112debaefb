import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@Suite struct TimersTests {
    /// An arbitrary now: a thousand seconds after the start of the machine.
    static let start: UInt64 = 1_000_000_000_000

    @Test func `timers fire in order of deadline, and ties in order of adding (S303)`() throws {
        let loop = try TestLoop(clock: Self.start)
        for (index, offset) in [30, 10, 20, 10, 30, 10].enumerated() {
            _ = try loop.addTimer(Self.start + UInt64(offset), user: UInt64(index))
        }
        script_set_clock(Self.start + 30)
        #expect(try loop.poll() == [1, 3, 5, 2, 0, 4].map(Completion.timer))
    }

    @Test func `a timer never fires early (S305)`() throws {
        let loop = try TestLoop(clock: Self.start)
        _ = try loop.addTimer(Self.start + 100, user: 7)
        script_set_clock(Self.start + 99)
        #expect(try loop.poll() == [])
        script_set_clock(Self.start + 100)
        #expect(try loop.poll() == [.timer(7)])
    }

    @Test func `a timer descriptor that reports early makes no timer fire (S305, I6)`() throws {
        let loop = try TestLoop(clock: Self.start)
        _ = try loop.addTimer(Self.start + 100)
        #expect(cel_loop_arm(loop.raw) == 0)
        script_set_clock(Self.start + 100)
        // The descriptor is readable from here on, but the clock is read after the wait.
        _ = try loop.addTimer(Self.start + 1_000, user: 1)
        #expect(try loop.poll() == [.timer(0)])
        #expect(try loop.poll() == [])
        #expect(try loop.poll(wait: true) == [.timer(1)])
        #expect(cel_loop_now(loop.raw) == Self.start + 1_000)
    }

    @Test func `with the real clock a wait ends after the deadline, not before (S305)`() throws {
        let loop = try TestLoop()
        for delay in [0, 1, 1_000, 300_000, 2_000_000] as [UInt64] {
            let deadline = cel_loop_now(loop.raw) + delay
            _ = try loop.addTimer(deadline)
            while try loop.poll(wait: true).isEmpty {}
            #expect(cel_loop_now(loop.raw) >= deadline)
        }
        #expect(loop.statistics.waits <= 5)
    }

    @Test(arguments: [UInt64(Int64.max), UInt64(Int64.max) + 1, UInt64.max - 1])
    func `huge deadlines do not overflow and never fire (S309, S310, B7)`(deadline: UInt64) throws {
        let loop = try TestLoop(clock: Self.start)
        let token = try loop.addTimer(deadline)
        #expect(try loop.poll() == [])
        #expect(cel_loop_arm(loop.raw) == 0)
        let value = script_timer_value().it_value
        #expect(value.tv_sec == Int64.max / 1_000_000_000)
        #expect(value.tv_nsec == Int64.max % 1_000_000_000)
        #expect(cel_timer_remove(loop.raw, token) == 0)
        // The real kernel takes them too.
        let real = try TestLoop()
        _ = try real.addTimer(deadline)
        #expect(cel_loop_arm(real.raw) == 0)
        #expect(!isReadable(cel_loop_descriptor(real.raw)))
    }

    @Test func `a timer at CEL_NEVER is kept, and arms nothing`() throws {
        let loop = try TestLoop(clock: Self.start)
        let token = try loop.addTimer(.max)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(loop.statistics.timer_arms == 0)
        #expect(cel_loop_next_deadline(loop.raw) == .max)
        #expect(throws: TestLoop.Failure(error: EDEADLK)) { try loop.poll(wait: true) }
        #expect(cel_timer_count(loop.raw) == 1)
        #expect(cel_timer_move(loop.raw, token, Self.start) == 0)
        #expect(try loop.poll(wait: true) == [.timer(0)])
    }

    @Test func `a clock beyond 64 bits of nanoseconds saturates (S310)`() throws {
        let loop = try TestLoop(clock: .max - 1)
        #expect(cel_loop_now(loop.raw) == UInt64.max - 1)
        _ = try loop.addTimer(.max - 1, user: 1)
        _ = try loop.addTimer(.max, user: 2)
        #expect(try loop.poll(wait: true) == [.timer(1)])
    }

    @Test func `short sleeps cost one wait each (S311)`() throws {
        let loop = try TestLoop(clock: Self.start)
        for step in 1...10 {
            _ = try loop.addTimer(Self.start + UInt64(step * 1_000))
            #expect(try loop.poll(wait: true).count == 1)
        }
        #expect(loop.statistics.turns == 10)
        #expect(loop.statistics.spurious_turns == 0)
        #expect(script_count(SCRIPT_EPOLL_WAIT) == 10)
    }

    @Test(arguments: [0, 1, start - 1, start])
    func `a deadline that has passed does not wait (S313, B5, B6)`(
        deadline: UInt64
    ) throws {
        let loop = try TestLoop(clock: Self.start)
        _ = try loop.addTimer(deadline, user: 5)
        #expect(try loop.poll(wait: true) == [.timer(5)])
        #expect(script_wait_timeout() == 0)
        #expect(loop.statistics.waits == 0)
        #expect(loop.statistics.timer_arms == 0)
    }

    @Test func `deadline zero arms with one nanosecond, absolute, for it would disarm (B5, B6)`()
        throws
    {
        let loop = try TestLoop()
        _ = try loop.addTimer(0, user: 1)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(script_timer_value().it_value.tv_sec == 0)
        #expect(script_timer_value().it_value.tv_nsec == 1)
        #expect(script_timer_flags() == CInt(TFD_TIMER_ABSTIME))
        #expect(isReadable(cel_loop_descriptor(loop.raw)))
    }

    @Test func `a removed timer never fires, and says so once (S314, B18)`() throws {
        let loop = try TestLoop(clock: Self.start)
        let first = try loop.addTimer(Self.start + 10, user: 1)
        _ = try loop.addTimer(Self.start + 20, user: 2)
        #expect(cel_timer_remove(loop.raw, first) == 0)
        #expect(cel_timer_remove(loop.raw, first) == -ENOENT)
        script_set_clock(Self.start + 30)
        #expect(try loop.poll() == [.timer(2)])
    }

    @Test func `a timer is either delivered or removed (B18)`() throws {
        let loop = try TestLoop(clock: Self.start)
        let tokens = try (0..<4).map { try loop.addTimer(Self.start, user: UInt64($0)) }
        #expect(cel_timer_remove(loop.raw, tokens[2]) == 0)
        let delivered = try loop.pollRaw(capacity: 3)
        #expect(delivered.map(\.user) == [0, 1, 3])
        #expect(delivered.map(\.token) == [tokens[0], tokens[1], tokens[3]])
        for token in tokens {
            #expect(cel_timer_remove(loop.raw, token) == -ENOENT)
            #expect(cel_timer_move(loop.raw, token, 0) == -ENOENT)
        }
    }

    @Test func `removing the last timer costs one needless wake at most (S317)`() throws {
        let loop = try TestLoop(clock: Self.start)
        let token = try loop.addTimer(Self.start + 10)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(cel_timer_remove(loop.raw, token) == 0)
        #expect(try loop.poll(wait: true) == [])
        #expect(loop.statistics.spurious_turns == 1)
        #expect(throws: TestLoop.Failure(error: EDEADLK)) { try loop.poll(wait: true) }
    }

    @Test func `a time that has passed while nobody waited is disarmed, not waited for`() throws {
        let loop = try TestLoop(clock: Self.start)
        let token = try loop.addTimer(Self.start + 10)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(cel_timer_remove(loop.raw, token) == 0)
        script_set_clock(Self.start + 20)
        #expect(throws: TestLoop.Failure(error: EDEADLK)) { try loop.poll(wait: true) }
        #expect(script_timer_value().it_value.tv_nsec == 0)
        #expect(loop.statistics.timer_arms == 2)
    }

    @Test func `a timer moves earlier and later (S318, S332)`() throws {
        let loop = try TestLoop(clock: Self.start)
        let first = try loop.addTimer(Self.start + 100, user: 1)
        let second = try loop.addTimer(Self.start + 200, user: 2)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(cel_timer_move(loop.raw, second, Self.start + 50) == 0)
        #expect(cel_loop_next_deadline(loop.raw) == Self.start + 50)
        #expect(try loop.poll(wait: true) == [.timer(2)])
        #expect(cel_loop_now(loop.raw) == Self.start + 50)
        #expect(cel_timer_move(loop.raw, first, Self.start + 300) == 0)
        script_set_clock(Self.start + 200)
        #expect(try loop.poll() == [])
        #expect(try loop.poll(wait: true) == [.timer(1)])
        #expect(cel_loop_now(loop.raw) == Self.start + 300)
        #expect(cel_timer_move(loop.raw, first, Self.start) == -ENOENT)
    }

    @Test func `a moved timer counts as added last among its equals (S303, S318)`() throws {
        let loop = try TestLoop(clock: Self.start)
        let first = try loop.addTimer(Self.start, user: 1)
        _ = try loop.addTimer(Self.start, user: 2)
        #expect(cel_timer_move(loop.raw, first, Self.start) == 0)
        #expect(try loop.poll() == [.timer(2), .timer(1)])
    }

    @Test func `the timer descriptor reports until it is read, and is read once (S331)`() throws {
        let loop = try TestLoop()
        _ = try loop.addTimer(1)
        #expect(cel_loop_arm(loop.raw) == 0)
        let descriptor = cel_loop_descriptor(loop.raw)
        #expect(isReadable(descriptor))
        #expect(isReadable(descriptor))
        let reads = script_count(SCRIPT_READ)
        #expect(try loop.poll() == [.timer(0)])
        #expect(script_count(SCRIPT_READ) == reads + 1)
        #expect(!isReadable(descriptor))
    }

    @Test func `a timer descriptor that has nothing to read is ignored (B8)`() throws {
        let loop = try TestLoop(clock: Self.start)
        _ = try loop.addTimer(Self.start + 10, user: 3)
        script_fail(SCRIPT_READ, 1, 1, EAGAIN)
        #expect(try loop.poll(wait: true) == [.timer(3)])
        #expect(loop.statistics.ignored_errors == 0)
        _ = try loop.addTimer(Self.start + 20, user: 4)
        #expect(try loop.poll(wait: true) == [.timer(4)])
    }

    @Test func `the descriptor is set only when the earliest deadline moves earlier or has passed`()
        throws
    {
        let loop = try TestLoop(clock: Self.start)
        loop.wakeAndPoll()
        #expect(loop.statistics.timer_arms == 0)
        _ = try loop.addTimer(Self.start + 100)
        #expect(loop.statistics.timer_arms == 0)
        loop.wakeAndPoll()
        loop.wakeAndPoll()
        #expect(loop.statistics.timer_arms == 1)
        let later = try loop.addTimer(Self.start + 200)
        loop.wakeAndPoll()
        #expect(cel_timer_remove(loop.raw, later) == 0)
        loop.wakeAndPoll()
        #expect(loop.statistics.timer_arms == 1)
        _ = try loop.addTimer(Self.start + 50)
        loop.wakeAndPoll()
        #expect(loop.statistics.timer_arms == 2)
        #expect(try loop.poll(wait: true).count == 1)
        loop.wakeAndPoll()
        #expect(loop.statistics.timer_arms == 3)
    }
}

extension TestLoop {
    /// A turn that is asked to wait, and ends by a wake-up.
    func wakeAndPoll() {
        cel_loop_wakeup(raw)
        let batch = try? poll(wait: true)
        precondition(batch == [.wakeup])
    }
}

/// Whether poll(2) calls the descriptor readable now.
func isReadable(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
}
