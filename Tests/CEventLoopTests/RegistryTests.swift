import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@Suite struct RegistryTests {
    @Test func `an edge is told once, and kept until it is cleared`() throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near, user: 1)
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.writable)])
        pair.send()
        let both = Events.readable | Events.writable
        #expect(try loop.poll(wait: true) == [.ready(1, events: both)])
        #expect(try loop.poll() == [])
        #expect(cel_fd_readiness(loop.raw, token) == UInt32(both))
        pair.drain()
        cel_fd_clear(loop.raw, token, UInt32(Events.readable))
        #expect(cel_fd_readiness(loop.raw, token) == UInt32(Events.writable))
        pair.send()
        #expect(try loop.poll(wait: true) == [.ready(1, events: both)])
        #expect(loop.statistics.control_calls == 3)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
        #expect(cel_fd_readiness(loop.raw, token) == 0)
        cel_fd_clear(loop.raw, token, .max)
    }

    @Test func `readiness is kept until it is cleared, also if the kernel tells less now`() throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near)
        _ = try loop.pollUntilIdle()
        let chunk = [UInt8](repeating: 0, count: 4_096)
        while write(pair.near, chunk, chunk.count) > 0 {}
        pair.send()
        #expect(try loop.poll(wait: true) == [.ready(0, events: Events.readable)])
        let both = Events.readable | Events.writable
        #expect(cel_fd_readiness(loop.raw, token) == UInt32(both))
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `readiness is merged: hang-up and end of stream stay beside data (D10)`() throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near)
        pair.send()
        #expect(shutdown(pair.far, CInt(SHUT_WR)) == 0)
        _ = try loop.pollUntilIdle()
        let halfClosed = Events.readable | Events.writable | Events.readClosed
        #expect(cel_fd_readiness(loop.raw, token) == UInt32(halfClosed))
        pair.closeFar()
        _ = try loop.pollUntilIdle()
        #expect(cel_fd_readiness(loop.raw, token) == UInt32(halfClosed | Events.hangUp))
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test(arguments: [CEL_MODE_EDGE, CEL_MODE_ONESHOT])
    func `a hang-up without data reaches a reader (A11)`(
        mode: cel_mode
    ) throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let token = try loop.register(pair.near, mode, user: 2)
        if mode == CEL_MODE_ONESHOT { #expect(loop.rearm(token, Events.readable) == 0) }
        pair.closeFar()
        #expect(try loop.poll(wait: true) == [.ready(2, events: Events.hangUp)])
        #expect(try loop.poll() == [])
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `one-shot reports once for each rearm, and only what was asked for`() throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near, CEL_MODE_ONESHOT, user: 1)
        pair.send()
        #expect(try loop.poll() == [])
        #expect(loop.rearm(token, Events.readable) == 0)
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.readable)])
        #expect(try loop.poll() == [])
        #expect(loop.rearm(token, Events.readable | Events.writable) == 0)
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.readable | Events.writable)])
        #expect(cel_fd_readiness(loop.raw, token) == 0)
        #expect(loop.rearm(token, 0) == -EINVAL)
        #expect(loop.rearm(token, Events.hangUp) == -EINVAL)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
        #expect(loop.rearm(token, Events.readable) == -ESTALE)
    }

    @Test
    func `one-shot tells nothing before the first rearm, not even a hang-up, and loses nothing`()
        throws
    {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        pair.closeFar()
        let token = try loop.register(pair.near, CEL_MODE_ONESHOT, user: 1)
        for _ in 0..<3 { #expect(try loop.poll() == []) }
        #expect(loop.statistics.events == 0)
        #expect(loop.rearm(token, Events.readable) == 0)
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.hangUp)])
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `an edge registration cannot be rearmed`() throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near)
        #expect(loop.rearm(token, Events.readable) == -EINVAL)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test(arguments: [ENOENT, EBADF, EPERM])
    func `an error of EPOLL_CTL_DEL is ignored and counted (A7)`(error: CInt) throws {
        let loop = try TestLoop()
        let pair = Pair()
        let token = try loop.register(pair.near)
        script_fail(SCRIPT_EPOLL_CTL, 1, 1, error)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
        #expect(loop.statistics.ignored_errors == 1)
        #expect(cel_fd_count(loop.raw) == 0)
        #expect(cel_fd_deregister(loop.raw, token) == -ESTALE)
    }

    @Test func `a regular file is not pollable (A8)`() throws {
        let loop = try TestLoop()
        let file = open("/etc/passwd", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        #expect(throws: TestLoop.Failure(error: EPERM)) { try loop.register(file) }
        #expect(cel_fd_count(loop.raw) == 0)
    }

    @Test(arguments: [-1, CInt.max]) func `a number that is no descriptor fails with EBADF (A10)`(
        number: CInt
    ) throws {
        let loop = try TestLoop()
        #expect(throws: TestLoop.Failure(error: EBADF)) { try loop.register(number) }
        #expect(script_largest_block() < 65_536)
    }

    @Test(arguments: [EBADF, ENOMEM, ENOSPC, EINVAL])
    func `a registration that the kernel refuses leaves nothing behind (A10, S392)`(error: CInt)
        throws
    {
        let loop = try TestLoop()
        let pair = Pair()
        script_fail(SCRIPT_EPOLL_CTL, 1, 1, error)
        #expect(throws: TestLoop.Failure(error: error)) { try loop.register(pair.near) }
        #expect(cel_fd_count(loop.raw) == 0)
        let token = try loop.register(pair.near, user: 1)
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.writable)])
        #expect(cel_fd_deregister(loop.raw, token) == 0)
    }

    @Test func `more ready descriptors than a batch holds are all served (A18)`() throws {
        let loop = try TestLoop()
        let events = (0..<300).map { _ in makeEvent(readable: true) }
        let tokens = try events.enumerated().map {
            try loop.register($0.element, user: UInt64($0.offset))
        }
        var seen: Set<UInt64> = []
        while seen.count < 300 && loop.statistics.turns < 40 {
            for completion in try loop.pollRaw(capacity: 16) { seen.insert(completion.user) }
        }
        #expect(seen.count == 300)
        #expect(loop.statistics.turns == 38)
        for token in tokens { #expect(cel_fd_deregister(loop.raw, token) == 0) }
        for fd in events { close(fd) }
    }

    @Test func `a very high number costs little memory (A27)`() throws {
        let loop = try TestLoop()
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let pair = Pair(.pipe)
        let highest = CInt(min(limit.rlim_cur, 1 << 20)) - 64
        let high = fcntl(pair.near, F_DUPFD_CLOEXEC, highest)
        #expect(high >= highest)
        let token = try loop.register(high, user: 1)
        pair.send()
        #expect(try loop.poll(wait: true) == [.ready(1, events: Events.readable)])
        #expect(script_largest_block() <= Int(high + 1) * 4 + 65_536)
        #expect(cel_fd_deregister(loop.raw, token) == 0)
        close(high)
    }

    @Test func `the kernel's epoll_event has the size that the kernel expects (A23)`() {
        #if arch(x86_64)
            #expect(MemoryLayout<epoll_event>.size == 12)
        #else
            #expect(MemoryLayout<epoll_event>.size == 16)
        #endif
    }

    @Test(arguments: [EINTR, EIO]) func `an error of close still closes, and EINTR is none (A26)`(
        error: CInt
    ) throws {
        script_reset()
        let pair = Pair()
        let fd = dup(pair.near)
        script_fail(SCRIPT_CLOSE, 1, 1, error)
        #expect(cel_fd_close(script_sys(), fd) == (error == EINTR ? 0 : -error))
        #expect(script_count(SCRIPT_CLOSE) == 1)
    }
}
