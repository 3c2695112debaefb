import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@Suite struct LoopTests {
    @Test func `destroying gives every descriptor and block of memory back (S381, I3)`() throws {
        do {
            let loop = try TestLoop()
            #expect(script_open_descriptors() == 3)
            let pair = Pair()
            let token = try loop.register(pair.near)
            for deadline in 0..<1_000 { _ = try loop.addTimer(UInt64(deadline)) }
            #expect(cel_fd_deregister(loop.raw, token) == 0)
        }
        #expect(script_open_descriptors() == 0)
        #expect(script_live_blocks() == 0)
    }

    @Test func `a loop with registrations refuses to be destroyed, and goes on (S380)`() throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let token = try loop.register(pair.near, user: 4)
        #expect(cel_loop_destroy(loop.raw) == -EBUSY)
        #expect(script_open_descriptors() == 3)
        pair.send()
        #expect(try loop.poll(wait: true) == [.ready(4, events: Events.readable)])
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `destroying nothing does nothing`() {
        #expect(cel_loop_destroy(nil) == 0)
    }

    @Test func `without options a loop uses the kernel's calls`() throws {
        var made: OpaquePointer?
        #expect(cel_loop_create(nil, &made) == 0)
        let loop = try #require(made)
        #expect(cel_loop_sys(loop) == cel_sys_default())
        #expect(cel_loop_destroy(loop) == 0)
    }

    @Test func `its descriptors are not inherited, and do not block`() throws {
        let loop = try TestLoop()
        let calls = [SCRIPT_EPOLL_CREATE1, SCRIPT_TIMERFD_CREATE, SCRIPT_EVENTFD]
        for fd in calls.map({ script_descriptor($0) }) {
            #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
        }
        for fd in calls.dropFirst().map({ script_descriptor($0) }) {
            #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0)
        }
        #expect(cel_loop_descriptor(loop.raw) == script_descriptor(SCRIPT_EPOLL_CREATE1))
    }

    @Test func `a turn that may not wait does not (S351)`() throws {
        let loop = try TestLoop()
        _ = try loop.addTimer(.max - 1)
        #expect(try loop.poll() == [])
        #expect(script_wait_timeout() == 0)
        #expect(loop.statistics.waits == 0)
        #expect(loop.statistics.spurious_turns == 0)
        #expect(script_count(SCRIPT_TIMERFD_SETTIME) == 0)
    }

    @Test func `a turn that does not wait and has no timers reads no clock`() throws {
        let loop = try TestLoop()
        #expect(try loop.poll() == [])
        #expect(script_count(SCRIPT_CLOCK_GETTIME) == 0)
        _ = try loop.addTimer(.max)
        #expect(try loop.poll() == [])
        #expect(script_count(SCRIPT_CLOCK_GETTIME) == 1)
    }

    @Test func `a capacity below two is refused`() throws {
        let loop = try TestLoop()
        var completion = cel_completion()
        #expect(cel_loop_poll(loop.raw, false, &completion, 1) == -EINVAL)
        #expect(loop.statistics.turns == 0)
    }

    @Test func `due timers come before readiness, in order of deadline (S350)`() throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        pair.send()
        let token = try loop.register(pair.near, user: 3)
        _ = try loop.addTimer(2, user: 2)
        _ = try loop.addTimer(1, user: 1)
        let batch = try loop.poll(wait: true)
        #expect(batch == [.timer(1), .timer(2), .ready(3, events: Events.readable)])
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `readiness takes at most half of a batch`() throws {
        let loop = try TestLoop()
        for (capacity, limit) in [(2, 1), (3, 1), (8, 4), (1_000, 500), (5_000, 512)]
            as [(Int, CInt)]
        {
            #expect(try loop.poll(capacity: capacity) == [])
            #expect(script_wait_limit() == limit)
        }
    }

    @Test(arguments: [2, 3, 16]) func `timers and descriptors do not starve each other (A18)`(
        capacity: Int
    ) throws {
        let loop = try TestLoop()
        let events = (0..<50).map { _ in makeEvent(readable: true) }
        let tokens = try events.enumerated().map {
            try loop.register($0.element, user: UInt64($0.offset))
        }
        for user in 0..<100 { _ = try loop.addTimer(1, user: UInt64(user)) }
        cel_loop_wakeup(loop.raw)

        // Each of the first turns brings both; nothing is told twice, and nothing is lost.
        let first = try loop.poll(capacity: capacity)
        #expect(first.first == .timer(0))
        let all = try first + loop.pollUntilIdle(capacity: capacity)
        #expect(all.filter { $0 == .wakeup }.count == 1)
        #expect(
            all.filter { if case .timer = $0 { true } else { false } }
                == (0..<100).map(Completion.timer))
        let ready = all.compactMap { if case .ready(let user, _) = $0 { user } else { nil } }
        #expect(ready.sorted() == Array(0..<50))
        #expect(loop.statistics.turns <= UInt64(200 / capacity * 2 + 10))

        for token in tokens { #expect(cel_fd_deregister(loop.raw, token) == 0) }
        for fd in events { close(fd) }
    }

    @Test func `a timer that is always due does not starve a descriptor (B11)`() throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let token = try loop.register(pair.near, CEL_MODE_ONESHOT, user: 1)
        pair.send()
        #expect(loop.rearm(token, Events.readable) == 0)
        var turns = 0
        var seen = false
        while !seen && turns < 4 {
            _ = try loop.addTimer(0)
            turns += 1
            seen = try loop.poll(wait: true, capacity: 2).contains(
                .ready(1, events: Events.readable))
        }
        #expect(seen)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `a signal that interrupts the wait makes an empty turn, not an error (S427)`() throws
    {
        let loop = try TestLoop(clock: 1)
        _ = try loop.addTimer(5)
        script_fail(SCRIPT_EPOLL_WAIT, 1, 1, EINTR)
        #expect(try loop.poll(wait: true) == [])
        #expect(loop.statistics.spurious_turns == 1)
        #expect(try loop.poll(wait: true) == [.timer(0)])
    }

    @Test func `an epoll descriptor that somebody closed is an error, not a spin (A21)`() throws {
        let loop = try TestLoop()
        script_fail(SCRIPT_EPOLL_WAIT, 1, 1, EBADF)
        #expect(throws: TestLoop.Failure(error: EBADF)) { try loop.poll(wait: true) }
    }

    @Test func `only time spent waiting is counted as waiting (S363)`() throws {
        let loop = try TestLoop(clock: 1_000)
        _ = try loop.addTimer(1_500)
        script_set_clock(1_100)
        #expect(try loop.poll() == [])
        #expect(loop.statistics.waited_ns == 0)
        #expect(try loop.poll(wait: true).count == 1)
        #expect(loop.statistics.waited_ns == 400)
        #expect(loop.statistics.waits == 1)
        #expect(loop.statistics.turns == 2)
        #expect(loop.statistics.timers_fired == 1)
    }

    @Test func `a host can poll the loop's descriptor, after arming (S395)`() throws {
        let loop = try TestLoop()
        let descriptor = cel_loop_descriptor(loop.raw)
        #expect(!isReadable(descriptor))
        let deadline = cel_loop_now(loop.raw) + 1_000_000
        _ = try loop.addTimer(deadline)
        #expect(cel_loop_arm(loop.raw) == 0)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&entry, 1, 10_000) == 1)
        #expect(try loop.poll() == [.timer(0)])
        #expect(!isReadable(descriptor))
    }

    @Test func `timers that did not fit keep the armed descriptor readable`() throws {
        let loop = try TestLoop()
        for _ in 0..<5 { _ = try loop.addTimer(1) }
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(try loop.poll(capacity: 2).count == 1)
        #expect(cel_loop_arm(loop.raw) == 0)
        #expect(isReadable(cel_loop_descriptor(loop.raw)))
    }

    @Test func `the pointer of a thread is its own, and the number too (S377)`() {
        #expect(cel_thread_get_current() == nil)
        var value = 0
        withUnsafeMutablePointer(to: &value) { pointer in
            cel_thread_set_current(pointer)
            #expect(cel_thread_get_current() == UnsafeMutableRawPointer(pointer))
            let mine = cel_thread_self()
            #expect(mine != 0)
            startThread {
                #expect(cel_thread_get_current() == nil)
                #expect(cel_thread_self() != mine)
            }()
            cel_thread_set_current(nil)
        }
    }
}
