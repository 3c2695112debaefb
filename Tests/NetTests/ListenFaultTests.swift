import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What accept4, bind and listen may say, and what becomes of the listener then.
@Suite(.watched)
struct ListenFaultTests {
    /// Errors of a connection that accept(2) hands on, and what firewalls and protocols add.
    static let ofTheConnection = [
        ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
        EOPNOTSUPP, ENETUNREACH, ETIMEDOUT,
    ]

    @Test(arguments: ofTheConnection)
    func `a connection that failed before it was accepted is passed over (S461, C3, C4)`(
        errno: CInt
    ) async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            script_fail(SCRIPT_ACCEPT4, 1, 3, errno)
            let served = try await listener.accept()
            #expect(served.peerAddress == client.localAddress)
            #expect(listener.statistics == .init(accepted: 1, failedBeforeAccept: 3, pauses: 0))
            await served.close()
            await client.close()
            await listener.close()
        }
    }

    @Test
    func `an endless row of failed connections does not keep others from running (C4, C8)`()
        async throws
    {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            script_fail(SCRIPT_ACCEPT4, 1, .max, ECONNABORTED)
            let acceptor = spawn { try await listener.accept() }
            try await settle()
            #expect(!acceptor.isFinished)
            acceptor.cancel()
            script_fail(SCRIPT_ACCEPT4, 1, 0, 0)
            if case .success(let served) = await acceptor.result { await served.close() }
            await client.close()
            await listener.close()
        }
    }

    @Test(arguments: [EINTR, EAGAIN])
    func `an interruption is repeated, and EAGAIN waited out (C4)`(errno: CInt) async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            script_fail(SCRIPT_ACCEPT4, 1, 1, errno)
            let acceptor = spawn { try await listener.accept() }
            let first = try await TCPStream.connect(to: listener.localAddress)
            try await settle()
            // A second one: an EAGAIN that is made up has used up the edge of the first.
            let second = try await TCPStream.connect(to: listener.localAddress)
            let served = [try await acceptor.value, try await listener.accept()]
            #expect(served.map(\.peerAddress) == [first, second].map(\.localAddress))
            for stream in served + [first, second] { await stream.close() }
            #expect(listener.statistics == .init(accepted: 2, failedBeforeAccept: 0, pauses: 0))
            await listener.close()
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func `out of descriptors or memory it pauses, and then goes on (S462, C2)`(errno: CInt)
        async throws
    {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            script_set_clock(1_000_000_000)
            script_fail(SCRIPT_ACCEPT4, 1, 5, errno)
            let polls = currentLoop.statistics.polls
            let served = try await listener.accept()
            #expect(served.peerAddress == client.localAddress)
            #expect(listener.statistics == .init(accepted: 1, failedBeforeAccept: 0, pauses: 5))
            #expect(currentLoop.nowNanoseconds == 1_500_000_000)
            #expect(script_count(SCRIPT_ACCEPT4) == 6)
            #expect(currentLoop.statistics.polls - polls <= 20)
            await served.close()
            await client.close()
            await listener.close()
        }
    }

    @Test func `a loop that takes no more watches counts as a shortage (S462)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            let next = try await TCPStream.connect(to: listener.localAddress)
            script_set_clock(1_000_000_000)
            script_fail(SCRIPT_EPOLL_CTL, 1, 1, ENOSPC)
            let served = try await listener.accept()
            // The first was taken from the kernel already, and could only be closed.
            #expect(served.peerAddress == next.localAddress)
            #expect(listener.statistics.pauses == 1)
            for stream in [served, client, next] { await stream.close() }
            await listener.close()
        }
    }

    @Test func `a pause ends with a cancellation, and with a close (S462, S442)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            script_set_clock(1_000_000_000)
            script_fail(SCRIPT_ACCEPT4, 1, .max, EMFILE)
            let cancelled = spawn { try await listener.accept() }
            while listener.statistics.pauses == 0 { try await yield() }
            cancelled.cancel()
            try await yield()
            #expect(await cancelled.result.isCancelled)
            let closed = spawn { try await listener.accept() }
            while listener.statistics.pauses == 1 { try await yield() }
            await listener.close()
            #expect(await closed.result.ioCode == .closed)
            await client.close()
        }
    }

    @Test(arguments: [EINVAL, EFAULT])
    func `any other error of accept is the caller's, and the listener stays (S465)`(
        errno: CInt
    ) async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            script_fail(SCRIPT_ACCEPT4, 1, 1, errno)
            let error = await #expect(throws: IOError.self) { try await listener.accept() }
            #expect(error?.errno == errno)
            #expect(error?.operation == "accept on \(listener.localAddress)")
            await (try await listener.accept()).close()
            await client.close()
            await listener.close()
        }
    }

    @Test func `a connection whose options cannot be set harms only itself (S467)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            let options = script_count(SCRIPT_SETSOCKOPT)
            script_fail(SCRIPT_GETSOCKNAME, 1, 1, EINVAL)
            let served = try await listener.accept()
            // They are inherited, so there is none to be refused.
            #expect(script_count(SCRIPT_SETSOCKOPT) == options)
            #expect(served.localAddress == listener.localAddress)
            await served.close()
            await client.close()
            await listener.close()
        }
    }

    @Test func `a port that is taken is told by the bind (S457, C19)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let before = script_open_descriptors()
            let error = #expect(throws: IOError.self) {
                try TCPListener.bind(to: listener.localAddress)
            }
            #expect(error?.code == .addressInUse)
            #expect(error?.errno == EADDRINUSE)
            #expect(error?.operation == "listen on \(listener.localAddress)")
            #expect(script_open_descriptors() == before)
            await listener.close()
        }
    }

    @Test func `an address of another machine cannot be bound (C19)`() async throws {
        try await onScriptedLoop {
            let elsewhere = try SocketAddress("192.0.2.1", port: 0)
            #expect(
                await ioCode { _ = try TCPListener.bind(to: elsewhere) } == .addressNotAvailable)
        }
    }

    @Test(arguments: [
        (SCRIPT_BIND, EADDRINUSE, IOError.Code.addressInUse),
        (SCRIPT_BIND, EACCES, .permissionDenied),
        (SCRIPT_BIND, EADDRNOTAVAIL, .addressNotAvailable),
        (SCRIPT_LISTEN, EADDRINUSE, .addressInUse),
        (SCRIPT_SETSOCKOPT, ENOMEM, .resourcesExhausted),
        (SCRIPT_GETSOCKNAME, ENOBUFS, .resourcesExhausted),
        (SCRIPT_EPOLL_CTL, ENOSPC, .system),
    ])
    func `whatever fails is told, and its socket closed (S457, C19)`(
        call: script_call, errno: CInt, code: IOError.Code
    ) async throws {
        try await onScriptedLoop {
            let before = script_open_descriptors()
            script_fail(call, 1, 1, errno)
            let error = #expect(throws: IOError.self) {
                try TCPListener.bind(to: .loopback(port: 0))
            }
            #expect(error?.code == code)
            #expect(error?.errno == errno)
            #expect(script_open_descriptors() == before)
        }
    }
}
