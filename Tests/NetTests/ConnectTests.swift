import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ConnectTests {
    /// Takes the port that it connects to for its own.
    private static let connectingToItself = SystemCalls.scripted {
        $0.connect = { descriptor, address, length in
            var on: CInt = 1
            let size = socklen_t(MemoryLayout<CInt>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
            if bind(descriptor, address, length) != 0 { return -1 }
            return connect(descriptor, address, length)
        }
    }

    @Test func `both ends agree on their addresses (S441)`() async throws {
        try await onLoop {
            for host in ["127.0.0.1", "::1"] {
                let listener = try TCPListener.bind(to: SocketAddress(host, port: 0))
                let near = try await TCPStream.connect(to: listener.localAddress)
                let far = try await listener.accept()
                #expect(near.peerAddress == listener.localAddress)
                #expect(far.localAddress == listener.localAddress)
                #expect(far.peerAddress == near.localAddress)
                #expect(near.localAddress.host == host && near.localAddress.port != 0)
                await near.close()
                await far.close()
                await listener.close()
            }
        }
    }

    @Test
    func `a refused connection is told as such, once, and its socket closed (S440, C11)`()
        async throws
    {
        try await onScriptedLoop {
            let port = try ReservedPort()
            for _ in 0..<3 {
                let error = await #expect(throws: IOError.self) {
                    try await TCPStream.connect(to: port.address)
                }
                #expect(error?.code == .connectionRefused)
                #expect(error?.errno == ECONNREFUSED)
                #expect(error?.operation == "connect to \(port.address)")
                #expect(script_open_descriptors() == 3)
            }
        }
    }

    @Test(arguments: [
        (EADDRNOTAVAIL, IOError.Code.addressNotAvailable), (ECONNREFUSED, .connectionRefused),
        (EHOSTUNREACH, .unreachable), (ENETUNREACH, .unreachable), (EACCES, .permissionDenied),
        (EPERM, .permissionDenied), (ETIMEDOUT, .timedOut), (EAGAIN, .system), (EISCONN, .system),
        (EALREADY, .system),
    ])
    func `a connect that fails at once says why, and closes its socket (I3, I4)`(
        errno: CInt, code: IOError.Code
    ) async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let before = script_open_descriptors()
            script_fail(SCRIPT_CONNECT, 1, 1, errno)
            let error = await #expect(throws: IOError.self) {
                try await TCPStream.connect(to: listener.localAddress)
            }
            #expect(error?.code == code)
            #expect(error?.errno == errno)
            #expect(script_open_descriptors() == before)
            await listener.close()
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func `without descriptors or memory a connect says so (I4)`(errno: CInt) async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            script_fail(SCRIPT_SOCKET, 1, 1, errno)
            let connecting = await ioCode {
                _ = try await TCPStream.connect(to: listener.localAddress)
            }
            #expect(connecting == .resourcesExhausted)
            script_fail(SCRIPT_SOCKET, 1, 1, errno)
            let code = await ioCode { _ = try TCPListener.bind(to: .loopback(port: 0)) }
            #expect(code == .resourcesExhausted)
            await listener.close()
        }
    }

    @Test func `a connection to itself is refused (C17)`() async throws {
        try await onScriptedLoop(Self.connectingToItself) {
            let port = try ReservedPort()
            let code = await ioCode { _ = try await TCPStream.connect(to: port.address) }
            #expect(code == .selfConnection)
        }
    }

    @Test func `a connect in a cancelled task opens no socket (S444)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let sockets = script_count(SCRIPT_SOCKET)
            let client = spawn { try await TCPStream.connect(to: listener.localAddress) }
            client.cancel()
            #expect(await client.result.isCancelled)
            #expect(script_count(SCRIPT_SOCKET) == sockets)
            await listener.close()
        }
    }

    @Test
    func `a connect that is cancelled on its way closes its socket (S444, C16)`() async throws {
        try await onScriptedLoop {
            try await withPendingConnect { client, _ in
                let before = script_open_descriptors()
                client.cancel()
                try await yield()
                #expect(client.isFinished)
                #expect(script_open_descriptors() == before - 1)
                #expect(await client.result.isCancelled)
            }
        }
    }

    @Test func `a connect that takes too long closes its socket (S444)`() async throws {
        try await onScriptedLoop {
            try await withPendingConnect { client, address in
                let before = script_open_descriptors()
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.milliseconds(1)) {
                        try await TCPStream.connect(to: address)
                    }
                }
                #expect(script_open_descriptors() == before)
                client.cancel()
                _ = await client.result
            }
        }
    }

    @Test
    func `a cancellation before the event closes the connection that was made (S444, C16)`()
        async throws
    {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = spawn { try await TCPStream.connect(to: listener.localAddress) }
            while script_count(SCRIPT_CONNECT) == 0 { try await yield() }
            client.cancel()
            // Whichever came first, nothing is left: either no stream, or one that works.
            let served = try await listener.accept()
            switch await client.result {
            case .success(let stream): await stream.close()
            case .failure(let error): #expect(error is CancellationError)
            }
            #expect(try await served.read(upTo: 1) == nil)
            await served.close()
            await listener.close()
        }
    }

    @Test
    func `a number that a cancelled connect leaves gets no event of it (C16)`()
        async throws
    {
        try await onScriptedLoop {
            try await withPendingConnect { client, _ in
                client.cancel()
                #expect(await client.result.isCancelled)
                try await withPair { near, far in
                    let reader = spawn { try await far.read(upTo: 9) }
                    try await settle()
                    #expect(!far.readiness.contains(.hangUp) && !near.readiness.contains(.hangUp))
                    try await near.write("x")
                    #expect(try await reader.value == Array("x".utf8))
                }
            }
        }
    }

    @Test func `connecting fails when the loop will not watch the socket (I3)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            for errno in [ENOSPC, ENOMEM] {
                let before = script_open_descriptors()
                script_fail(SCRIPT_EPOLL_CTL, 1, 1, errno)
                let error = await #expect(throws: IOError.self) {
                    try await TCPStream.connect(to: listener.localAddress)
                }
                #expect(error?.errno == errno)
                #expect(script_open_descriptors() == before)
            }
            await listener.close()
        }
    }
}

/// Runs `body` while a connect waits for a listener whose queue is full.
private func withPendingConnect(
    _ body:
        nonisolated(nonsending) (
            _ client: TaskHandle<TCPStream, any Error>, _ address: SocketAddress
        ) async throws -> Void
) async throws {
    let listener = try TCPListener.bind(to: .loopback(port: 0), backlog: 0)
    let address = listener.localAddress
    let first = try await TCPStream.connect(to: address)
    let client = spawn { try await TCPStream.connect(to: address) }
    try await settle()
    #expect(!client.isFinished)
    try await body(client, address)
    await first.close()
    await listener.close()
}
