import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

/// Tokens and events that outlive their registration.
@Suite struct StaleEventTests {
    @Test
    func `a descriptor closed in the batch that reports it: the other's event is stale (A15)`()
        throws
    {
        let loop = try TestLoop()
        let pairs = [Pair(.pipe), Pair(.pipe)]
        defer { withExtendedLifetime(pairs) {} }
        let tokens = try pairs.enumerated().map {
            try loop.register($0.element.near, user: UInt64($0.offset))
        }
        for pair in pairs { pair.send() }
        let batch = try loop.pollRaw(wait: true)
        #expect(batch.count == 2)
        #expect(cel_fd_deregister(loop.raw, batch[1].token) == 0)
        pairs[Int(batch[1].user)].closeNear()
        #expect(cel_fd_is_current(loop.raw, batch[0].token))
        #expect(!cel_fd_is_current(loop.raw, batch[1].token))
        #expect(cel_fd_deregister(loop.raw, batch[1].token) == -ESTALE)
        #expect(cel_fd_deregister(loop.raw, batch[0].token) == 0)
        #expect(Set(tokens) == Set(batch.map(\.token)))
    }

    @Test func `a number that is used again does not see the old one's events (A2)`() throws {
        let loop = try TestLoop()
        var pairs = (0..<10).map { _ in Pair(.pipe) }
        defer { withExtendedLifetime(pairs) {} }
        var tokens = try pairs.enumerated().map {
            try loop.register($0.element.near, user: UInt64($0.offset))
        }
        for pair in pairs { pair.send() }
        let batch = try loop.pollRaw(wait: true)
        #expect(batch.count == 10)
        for index in 0..<5 {
            #expect(cel_fd_deregister(loop.raw, tokens[index]) == 0)
            pairs[index] = Pair(.pipe)
            tokens[index] = try loop.register(pairs[index].near, user: UInt64(100 + index))
        }
        #expect(
            batch.filter { cel_fd_is_current(loop.raw, $0.token) }.map(\.user).sorted() == [
                5, 6, 7, 8, 9,
            ])
        #expect(try loop.poll() == [])
        pairs[0].send()
        #expect(try loop.poll(wait: true) == [.ready(100, events: Events.readable)])
        for token in tokens { #expect(cel_fd_deregister(loop.raw, token) == 0) }
    }

    @Test
    func
        `an event of a closed number that lives on as a duplicate is dropped (A1, A3, I2)`()
        throws
    {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let duplicate = dup(pair.near)
        defer { close(duplicate) }
        let token = try loop.register(pair.near, user: 1)
        pair.closeNear()
        #expect(cel_fd_deregister(loop.raw, token) == 0)
        #expect(loop.statistics.ignored_errors == 1)
        pair.send()
        #expect(try loop.poll() == [])
        #expect(loop.statistics.stale_events == 1)
        #expect(loop.statistics.events == 0)
    }

    @Test func `a left-over of a duplicate is replaced (A5)`() throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let old = try loop.register(pair.near, user: 1)
        let duplicate = dup(pair.near)
        // Closes the number and opens it again in one step: tests in parallel open descriptors too.
        #expect(dup2(duplicate, pair.near) == pair.near)
        close(duplicate)

        let new = try loop.register(pair.near, user: 2)
        #expect(loop.statistics.control_calls == 5)
        #expect(cel_fd_deregister(loop.raw, old) == 0)
        pair.send()
        #expect(try loop.poll(wait: true) == [.ready(2, events: Events.readable)])
        #expect(cel_fd_deregister(loop.raw, new) == 0)
        #expect(loop.statistics.control_calls == 6)
    }

    @Test(arguments: [CEL_MODE_EDGE, CEL_MODE_ONESHOT])
    func `ending the registration of a number closed before does not end the new one (A1, A2)`(
        mode: cel_mode
    ) throws {
        let loop = try TestLoop()
        let pair = Pair(.pipe)
        let old = try loop.register(pair.near, mode, user: 1)
        let other = Pair(.pipe)
        #expect(dup2(other.near, pair.near) == pair.near)

        let new = try loop.register(pair.near, mode, user: 2)
        if mode == CEL_MODE_ONESHOT {
            #expect(loop.rearm(old, Events.readable) == -EBADF)
            #expect(loop.rearm(new, Events.readable) == 0)
        }
        #expect(cel_fd_count(loop.raw) == 2)
        #expect(cel_fd_deregister(loop.raw, old) == 0)
        other.send()
        #expect(try loop.poll(wait: true) == [.ready(2, events: Events.readable)])
        #expect(cel_fd_deregister(loop.raw, new) == 0)
        #expect(loop.statistics.ignored_errors == 1)
    }

    @Test func `generations wrap past zero, and no old token matches (A19)`() throws {
        let loop = try TestLoop(firstGeneration: .max - 7)
        let pair = Pair()
        let lasting = Pair()
        let kept = try loop.register(lasting.near, user: 77)
        var seen: Set<cel_token> = []
        for _ in 0..<16 {
            let token = try loop.register(pair.near)
            #expect(token >> 32 != 0)
            #expect(seen.insert(token).inserted)
            for old in seen where old != token { #expect(!cel_fd_is_current(loop.raw, old)) }
            #expect(cel_fd_deregister(loop.raw, token) == 0)
        }
        #expect(Set(seen.map(UInt32.init(truncatingIfNeeded:))).count == 1)
        #expect(cel_fd_is_current(loop.raw, kept))
        #expect(!cel_fd_is_current(loop.raw, 0))
        #expect(cel_fd_deregister(loop.raw, kept) == 0)
    }

    @Test func `slots are used again last in, first out`() throws {
        let loop = try TestLoop()
        let pairs = (0..<3).map { _ in Pair() }
        defer { withExtendedLifetime(pairs) {} }
        let tokens = try pairs.map { try loop.register($0.near) }
        #expect(cel_fd_deregister(loop.raw, tokens[0]) == 0)
        #expect(cel_fd_deregister(loop.raw, tokens[2]) == 0)
        let first = try loop.register(pairs[0].near)
        let second = try loop.register(pairs[2].near)
        #expect([first, second].map { $0 & 0xFFFF_FFFF } == [2, 0])
        for token in [first, second, tokens[1]] { #expect(cel_fd_deregister(loop.raw, token) == 0) }
    }
}
