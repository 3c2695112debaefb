import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Options of listeners: S473, S478, C19.
@Suite(.watched)
struct ListenerOptionTests {
    private static func options(
        _ change: (inout TCPListener.Options) -> Void
    ) -> TCPListener.Options {
        var options = TCPListener.Options()
        change(&options)
        return options
    }

    @Test func `listeners that all ask for it share a port (S473)`() async throws {
        try await onLoop {
            let shared = Self.options { $0.reusesPort = true }
            let one = try TCPListener.bind(to: .loopback(port: 0), options: shared)
            let other = try TCPListener.bind(to: one.localAddress, options: shared)
            #expect(
                await ioCode { _ = try TCPListener.bind(to: one.localAddress) } == .addressInUse)
            let served = Recorder<TCPStream>()
            let acceptors = [one, other].map { listener in
                spawn { for try await stream in listener { served.append(stream) } }
            }
            for _ in 0..<20 {
                try await TCPStream.withConnection(to: one.localAddress) { _ in }
            }
            while served.count < 20 { try await yield() }
            await one.close()
            await other.close()
            for acceptor in acceptors { try await acceptor.value }
            for stream in served.elements { await stream.close() }
        }
    }

    @Test func `an option that the system lacks is named, and the socket closed (S473)`()
        async throws
    {
        try await onScriptedLoop {
            let options = Self.options {
                $0.reusesPort = true
                $0.connections.receiveBufferSize = 20_000
                $0.connections.userTimeout = .seconds(1)
            }
            let names = [
                "reuseAddress", "reusePort", "ipv6Only", "receiveBufferSize", "noDelay",
                "userTimeout",
            ]
            for (index, name) in names.enumerated() {
                script_fail(SCRIPT_SETSOCKOPT, UInt64(index + 1), 1, ENOPROTOOPT)
                let address = try SocketAddress("::1", port: 0)
                let error = #expect(throws: IOError.self) {
                    try TCPListener.bind(to: address, options: options)
                }
                #expect(error?.operation == "set the option \(name) of a listener on \(address)")
                #expect(error?.errno == ENOPROTOOPT)
            }
        }
    }

    @Test func `fast open is set where the system has it, and done without elsewhere`() async throws
    {
        try await onScriptedLoop {
            let options = Self.options { $0.fastOpenQueue = 16 }
            let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
            let socket = listener.acceptor.socket
            #expect(try Socket.get(.fastOpen, socket.descriptor, socket.calls) == 16)
            await listener.close()
            for errno in [ENOPROTOOPT, EOPNOTSUPP] {
                script_fail(SCRIPT_SETSOCKOPT, 2, 1, errno)
                let without = try TCPListener.bind(to: .loopback(port: 0), options: options)
                let socket = without.acceptor.socket
                #expect(try Socket.get(.fastOpen, socket.descriptor, socket.calls) == 0)
                await without.close()
            }
            script_fail(SCRIPT_SETSOCKOPT, 2, 1, EINVAL)
            let error = #expect(throws: IOError.self) {
                try TCPListener.bind(to: .loopback(port: 0), options: options)
            }
            #expect(error?.operation.contains("option fastOpenQueue of") == true)
        }
    }

    @Test func `the unspecified IPv6 address takes both families, unless it keeps to one`()
        async throws
    {
        try await onLoop {
            let any = try SocketAddress("::", port: 0)
            let both = try TCPListener.bind(to: any)
            let port = both.localAddress.port
            for host in ["127.0.0.1", "::1"] {
                try await TCPStream.withConnection(to: SocketAddress(host, port: port)) { near in
                    let far = try await both.accept()
                    #expect(far.peerAddress.host.hasSuffix(near.localAddress.host))
                    await far.close()
                }
            }
            await both.close()
            let one = try TCPListener.bind(to: any, options: Self.options { $0.ipv6Only = true })
            // The port of the other family is free, and somebody else's.
            let four = try TCPListener.bind(
                to: SocketAddress("0.0.0.0", port: one.localAddress.port))
            try await TCPStream.withConnection(
                to: SocketAddress("::1", port: one.localAddress.port)
            ) { _ in
                let far = try await one.accept()
                #expect(far.peerAddress.host == "::1")
                await far.close()
            }
            await four.close()
            await one.close()
        }
    }

    @Test func `a port that connections still hold is taken if asked for (S478, C19)`() async throws
    {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0), backlog: 5)
            let address = listener.localAddress
            let near = try await TCPStream.connect(to: address)
            let far = try await listener.accept()
            await listener.close()
            let strict = Self.options { $0.reusesAddress = false }
            let code = await ioCode { _ = try TCPListener.bind(to: address, options: strict) }
            #expect(code == .addressInUse)
            let again = try TCPListener.bind(to: address)
            await again.close()
            await near.close()
            await far.close()
        }
    }
}
