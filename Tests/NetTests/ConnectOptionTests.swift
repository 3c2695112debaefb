import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Options that a connection has from its start: those of the one who connects, and those inherited
/// from a listener.
@Suite(.watched)
struct ConnectOptionTests {
    private static let options: TCPStream.Options = {
        var options = TCPStream.Options()
        options.noDelay = false
        options.keepAlive = KeepAlive(idle: .seconds(11), interval: .seconds(12), count: 13)
        options.userTimeout = .milliseconds(1400)
        options.receiveBufferSize = 15_000
        options.sendBufferSize = 16_000
        return options
    }()

    private static func expectOptions(of stream: TCPStream) async throws {
        #expect(try await !stream.option(.noDelay))
        #expect(try await stream.option(.keepAlive) == options.keepAlive)
        #expect(try await stream.option(.userTimeout) == .milliseconds(1400))
        #expect(try await stream.option(.receiveBufferSize) == 30_000)
        #expect(try await stream.option(.sendBufferSize) == 32_000)
    }

    @Test func `a connection has its options, by address and by name`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let port = listener.localAddress.port
            let first = try await TCPStream.connect(
                to: listener.localAddress, options: Self.options)
            try await Self.expectOptions(of: first)
            var options = TCPStream.ConnectOptions()
            options.connection = Self.options
            for host in ["127.0.0.1", "localhost"] {
                try await TCPStream.withConnection(host: host, port: port, options: options) {
                    try await Self.expectOptions(of: $0)
                }
            }
            try await TCPStream.withConnection(to: listener.localAddress) { stream in
                let probes = try await stream.option(.keepAlive)
                #expect(try await stream.option(.noDelay))
                #expect(probes == nil)
            }
            await first.close()
            await listener.close()
        }
    }

    @Test func `an accepted connection has the options its listener was given`() async throws {
        try await onScriptedLoop {
            var options = TCPListener.Options()
            for connections in [Self.options, TCPStream.Options()] {
                options.connections = connections
                let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
                let near = try await TCPStream.connect(to: listener.localAddress)
                let calls = script_count(SCRIPT_SETSOCKOPT)
                let far = try await listener.accept()
                #expect(script_count(SCRIPT_SETSOCKOPT) == calls)
                if connections.noDelay {
                    #expect(try await far.option(.noDelay))
                    #expect(try await far.option(.keepAlive) == nil)
                } else {
                    try await Self.expectOptions(of: far)
                }
                await near.close()
                await far.close()
                await listener.close()
            }
        }
    }

    @Test func `a connection comes from the local address it was given`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var options = TCPStream.Options()
            options.localAddress = try SocketAddress("127.0.0.2", port: 0)
            let near = try await TCPStream.connect(to: listener.localAddress, options: options)
            let far = try await listener.accept()
            #expect(near.localAddress.host == "127.0.0.2" && near.localAddress.port > 0)
            #expect(far.peerAddress == near.localAddress)
            await near.close()
            await far.close()
            await listener.close()
        }
    }

    @Test func `a local address that is taken is told, and its socket closed (S452)`() async throws
    {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let before = script_open_descriptors()
            var options = TCPStream.Options()
            options.localAddress = listener.localAddress
            let error = await #expect(throws: IOError.self) {
                _ = try await TCPStream.connect(to: listener.localAddress, options: options)
            }
            #expect(error?.code == .addressInUse)
            #expect(error?.operation.contains("from \(listener.localAddress)") == true)
            options.localAddress = try SocketAddress("192.0.2.1", port: 0)
            let elsewhere = await ioCode {
                _ = try await TCPStream.connect(to: listener.localAddress, options: options)
            }
            #expect(elsewhere == .addressNotAvailable)
            options.localAddress = try SocketAddress("::1", port: 0)
            let otherFamily = await ioCode {
                _ = try await TCPStream.connect(to: listener.localAddress, options: options)
            }
            #expect(otherFamily == .addressNotAvailable)
            #expect(script_open_descriptors() == before)
            await listener.close()
        }
    }

    @Test func `an option that is refused is named, and the socket closed`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let before = script_open_descriptors()
            let names = [
                "receiveBufferSize", "sendBufferSize", "keepAlive", "keepAlive", "keepAlive",
                "keepAlive", "userTimeout",
            ]
            for (index, name) in names.enumerated() {
                script_fail(SCRIPT_SETSOCKOPT, UInt64(index + 1), 1, EPERM)
                let error = await #expect(throws: IOError.self) {
                    _ = try await TCPStream.connect(
                        to: listener.localAddress, options: Self.options)
                }
                #expect(error?.operation.contains("option \(name) of") == true)
                #expect(error?.code == .permissionDenied)
                #expect(script_open_descriptors() == before)
            }
            await listener.close()
        }
    }
}
