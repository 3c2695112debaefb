import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Answers as it is told.
private struct KnownHosts: Resolver {
    var six: [SocketAddress] = []
    var four: [SocketAddress] = []
    /// Waits this long before each answer.
    var delay: Duration?

    nonisolated(nonsending) func addresses(
        of host: String, port: Int, family: SocketAddress.Family
    ) async throws -> [SocketAddress] {
        if let delay { try await sleep(for: delay) }
        let found = family == .ipv6 ? six : four
        if found.isEmpty { throw ResolutionError(host: host, reason: .notFound) }
        return found
    }

    nonisolated(nonsending) func name(of address: SocketAddress) async throws -> String { "host" }
}

/// Connecting by name: S481 to S488, C16.
@Suite(.watched)
struct ConnectByNameTests {
    private static var hasty: TCPStream.ConnectOptions {
        var options = TCPStream.ConnectOptions()
        options.attemptDelay = .milliseconds(1)
        return options
    }

    /// Runs `body` with an address that lets a connect wait for ever.
    private static func withSilentAddress(
        _ body: nonisolated(nonsending) (SocketAddress) async throws -> Void
    ) async throws {
        let listener = try TCPListener.bind(to: SocketAddress("127.0.0.2", port: 0), backlog: 0)
        let first = try await TCPStream.connect(to: listener.localAddress)
        try await body(listener.localAddress)
        await first.close()
        await listener.close()
    }

    @Test func `an address that refuses is followed by the next at once (S481)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let refused = try ReservedPort()
            var options = TCPStream.ConnectOptions()
            options.attemptDelay = .hour
            let resolver = KnownHosts(four: [refused.address, listener.localAddress])
            let stream = try await TCPStream.connect(
                host: "host", port: 1, resolver: resolver, options: options)
            #expect(stream.peerAddress == listener.localAddress)
            await stream.close()
            await listener.close()
        }
    }

    @Test func `an address that does not answer is overtaken, and its socket closed`() async throws
    {
        try await onLoop {
            try await Self.withSilentAddress { silent in
                let listener = try TCPListener.bind(to: .loopback(port: 0))
                let resolver = KnownHosts(four: [silent, listener.localAddress])
                let stream = try await TCPStream.connect(
                    host: "host", port: 1, resolver: resolver, options: Self.hasty)
                #expect(stream.peerAddress == listener.localAddress)
                await stream.close()
                await listener.close()
            }
        }
    }

    @Test func `the preferred family is tried first, the other if it refuses`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: SocketAddress("::1", port: 0))
            let refused = try ReservedPort()
            for order in [SocketAddress.Family.ipv6, .ipv4] {
                var options = Self.hasty
                options.preferredFamily = order
                let resolver = KnownHosts(six: [listener.localAddress], four: [refused.address])
                let stream = try await TCPStream.connect(
                    host: "host", port: 1, resolver: resolver, options: options)
                #expect(stream.peerAddress == listener.localAddress)
                await stream.close()
            }
            await listener.close()
        }
    }

    @Test func `if all fail, the error has what each of them said (S451)`() async throws {
        try await onLoop {
            let refused = try [ReservedPort(), ReservedPort()]
            let resolver = KnownHosts(four: refused.map(\.address))
            let error = await #expect(throws: ConnectError.self) {
                try await TCPStream.connect(host: "host", port: 1, resolver: resolver)
            }
            #expect(error?.code == .connectionRefused)
            #expect(error?.failures.compactMap(\.address) == refused.map(\.address))
            let text = "\(error!)"
            #expect(text.hasPrefix("cannot connect to host, port 1: cannot connect to 127.0.0.1:"))
            #expect(!text.contains("no such host"))

            let unknown = await #expect(throws: ConnectError.self) {
                try await TCPStream.connect(host: "host", port: 1, resolver: KnownHosts())
            }
            #expect(unknown?.code == nil)
            #expect("\(unknown!)".contains("no such host"))
        }
    }

    @Test func `cancelled in the middle, all sockets are closed (S485, C16)`() async throws {
        try await onLoop {
            try await Self.withSilentAddress { silent in
                let resolver = KnownHosts(six: [silent], four: [silent])
                let watched = EventLoop.current!.statistics.watchedDescriptors
                let client = spawn {
                    try await TCPStream.connect(
                        host: "host", port: 1, resolver: resolver, options: Self.hasty)
                }
                // Both attempts are under way.
                while EventLoop.current!.statistics.watchedDescriptors < watched + 2 {
                    try await yield()
                }
                client.cancel()
                await #expect(throws: CancellationError.self) { try await client.value }
                #expect(EventLoop.current!.statistics.watchedDescriptors == watched)
            }
        }
    }

    @Test
    func
        `a timeout bounds all of it, and closes sockets that nobody answers (S454, C12)`()
        async throws
    {
        try await onLoop {
            try await Self.withSilentAddress { silent in
                let watched = EventLoop.current!.statistics.watchedDescriptors
                await #expect(throws: TimeoutError.self) {
                    try await TCPStream.connect(
                        host: "host", port: 1, timeout: .milliseconds(5),
                        resolver: KnownHosts(four: [silent]))
                }
                #expect(EventLoop.current!.statistics.watchedDescriptors == watched)
            }
        }
    }

    @Test func `a connect in time leaves no timer behind (S454)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let timers = currentLoop.statistics.armedTimers
            let stream = try await TCPStream.connect(
                host: "host", port: 1, timeout: .seconds(3_600),
                resolver: KnownHosts(four: [listener.localAddress]))
            #expect(currentLoop.statistics.armedTimers == timers)
            await stream.close()
            await listener.close()
        }
    }

    @Test func `deadline and answer in one turn have one outcome (S487)`() async throws {
        try await withSeeds(200) { _ in
            let refused = try ReservedPort()
            let resolver = KnownHosts(four: [refused.address], delay: .milliseconds(10))
            do {
                _ = try await TCPStream.connect(
                    host: "host", port: 1, timeout: .milliseconds(10), resolver: resolver)
                Issue.record("connected to nobody")
            } catch is TimeoutError {} catch let error as ConnectError {
                #expect(error.code == .connectionRefused)
            }
        }
    }

    @Test func `a literal address is not looked up, and fails as it does alone (S675)`()
        async throws
    {
        try await onLoop {
            let refused = try ReservedPort()
            let error = await #expect(throws: IOError.self) {
                try await TCPStream.connect(
                    host: "127.0.0.1", port: refused.address.port, resolver: KnownHosts())
            }
            #expect(error?.code == .connectionRefused)
        }
    }

    @Test func `the local host is reached by name, by a task elsewhere too`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let port = listener.localAddress.port
            try await TCPStream.withConnection(host: "localhost", port: port) { stream in
                #expect(stream.peerAddress.port == port)
            }
            await listener.close()
        }
    }
}
