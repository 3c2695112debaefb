import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Options of connections: each by itself, before they connect, and what is wrong with them.
@Suite(.watched)
struct SocketOptionTests {
    /// All options, in words.
    private static func all(_ stream: TCPStream) async throws -> [String: String] {
        [
            "noDelay": "\(try await stream.option(.noDelay))",
            "keepAlive": "\(String(describing: try await stream.option(.keepAlive)))",
            "userTimeout": "\(String(describing: try await stream.option(.userTimeout)))",
            "resetsOnClose": "\(try await stream.option(.resetsOnClose))",
            "receiveBufferSize": "\(try await stream.option(.receiveBufferSize))",
            "sendBufferSize": "\(try await stream.option(.sendBufferSize))",
        ]
    }

    private typealias Change = @Sendable (TCPStream) async throws -> Void

    private static let changes: [(name: String, change: Change)] = [
        ("noDelay", { try await $0.setOption(.noDelay, to: false) }),
        ("keepAlive", { try await $0.setOption(.keepAlive, to: KeepAlive(count: 3)) }),
        ("userTimeout", { try await $0.setOption(.userTimeout, to: .seconds(7)) }),
        ("resetsOnClose", { try await $0.setOption(.resetsOnClose, to: true) }),
        ("receiveBufferSize", { try await $0.setOption(.receiveBufferSize, to: 20_000) }),
        ("sendBufferSize", { try await $0.setOption(.sendBufferSize, to: 20_000) }),
        ("keepAlive", { try await $0.setOption(.keepAlive, to: KeepAlive(idle: .seconds(9))) }),
        ("userTimeout", { try await $0.setOption(.userTimeout, to: nil) }),
        ("keepAlive", { try await $0.setOption(.keepAlive, to: nil) }),
        ("resetsOnClose", { try await $0.setOption(.resetsOnClose, to: false) }),
        ("noDelay", { try await $0.setOption(.noDelay, to: true) }),
    ]

    @Test func `an option that is set is changed, and no other one`() async throws {
        try await onLoop {
            // From the first on, and from the last back.
            for order in [Self.changes, Self.changes.reversed()] {
                try await withPair { near, _ in
                    for (name, change) in order {
                        var expected = try await Self.all(near)
                        let before = expected.removeValue(forKey: name)
                        try await change(near)
                        var found = try await Self.all(near)
                        let after = found.removeValue(forKey: name)
                        #expect(found == expected)
                        #expect(after != nil && before != nil)
                    }
                }
            }
        }
    }

    @Test func `an option is what it was set to`() async throws {
        try await onLoop {
            try await withPair { near, _ in
                #expect(try await near.option(.noDelay))
                #expect(try await near.option(.keepAlive) == nil)
                #expect(try await near.option(.userTimeout) == nil)
                try await near.setOption(.noDelay, to: false)
                #expect(try await !near.option(.noDelay))
                let probes = KeepAlive(idle: .seconds(31), interval: .seconds(7), count: 5)
                try await near.setOption(.keepAlive, to: probes)
                #expect(try await near.option(.keepAlive) == probes)
                try await near.setOption(.keepAlive, to: nil)
                #expect(try await near.option(.keepAlive) == nil)
                try await near.setOption(.userTimeout, to: .microseconds(1_500_001))
                #expect(try await near.option(.userTimeout) == .milliseconds(1501))
                try await near.setOption(.userTimeout, to: nil)
                #expect(try await near.option(.userTimeout) == nil)
                try await near.setOption(.receiveBufferSize, to: 30_000)
                #expect(try await near.option(.receiveBufferSize) == 60_000)
                try await near.setOption(.sendBufferSize, to: 40_000)
                #expect(try await near.option(.sendBufferSize) == 80_000)
                try await near.setOption(.quickAck, to: true)
                #expect(try await near.option(.quickAck))
            }
        }
    }

    @Test func `keep-alive counts whole seconds, rounded up`() {
        let probes = KeepAlive(idle: .milliseconds(1), interval: .milliseconds(2001), count: 1)
        #expect(probes.idle == .seconds(1) && probes.interval == .seconds(3))
        #expect(KeepAlive(idle: .seconds(32_767), interval: .seconds(1), count: 127).count == 127)
    }

    @Test func `an option that the connection lacks is refused by its name`() async throws {
        try await onScriptedLoop {
            let (near, far) = try UnixStream.pair()
            let error = await #expect(throws: IOError.self) {
                try await near.setOption(.noDelay, to: true)
            }
            #expect(error?.operation.contains("option noDelay of") == true)
            let unknown = await #expect(throws: IOError.self) {
                _ = try await near.option(.userTimeout)
            }
            #expect(unknown?.operation.contains("option userTimeout of") == true)
            try await near.setOption(.sendBufferSize, to: 20_000)
            #expect(try await near.option(.sendBufferSize) == 40_000)
            await near.close()
            await far.close()
        }
    }

    @Test func `a refused part of keep-alive does not switch it on`() async throws {
        try await onScriptedLoop {
            try await withPair { near, _ in
                script_fail(SCRIPT_SETSOCKOPT, 2, 1, EINVAL)
                let error = await #expect(throws: IOError.self) {
                    try await near.setOption(.keepAlive, to: KeepAlive())
                }
                #expect(error?.operation.contains("option keepAlive of") == true)
                #expect(error?.errno == EINVAL)
                let probes = try await near.option(.keepAlive)
                #expect(probes == nil)
            }
        }
    }

    @Test func `options of a closed connection are refused as closed`() async throws {
        try await onLoop {
            try await withPair { near, _ in
                await near.close()
                #expect(await ioCode { try await near.setOption(.noDelay, to: true) } == .closed)
                #expect(await ioCode { _ = try await near.option(.noDelay) } == .closed)
            }
        }
    }

    @Test func `options work from another loop, and not of one that has stopped (I11)`()
        async throws
    {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        let (near, far) = try await owner.run { try await makePair() }
        try await near.setOption(.userTimeout, to: .seconds(3))
        #expect(try await near.option(.userTimeout) == .seconds(3))
        try await onLoop {
            try await near.setOption(.userTimeout, to: .seconds(4))
            #expect(try await near.option(.userTimeout) == .seconds(4))
        }
        try await owner.shutdown()
        await #expect(throws: EventLoopError.stopped) {
            try await near.setOption(.noDelay, to: false)
        }
        await far.close()
    }

    @Test(arguments: ["idle", "interval", "count", "long", "timeout", "long timeout", "size"])
    func `a value that no option has is a mistake of the program`(what: String) async {
        await #expect(processExitsWith: .failure) { [what] in
            try EventLoop.run(configuration: .quiet) {
                try await withPair { near, _ in
                    switch what {
                    case "idle": _ = KeepAlive(idle: .zero)
                    case "interval": _ = KeepAlive(interval: .seconds(-1))
                    case "count": _ = KeepAlive(count: 0)
                    case "long": _ = KeepAlive(idle: .seconds(32_768))
                    case "timeout": try await near.setOption(.userTimeout, to: .zero)
                    case "long timeout":
                        try await near.setOption(.userTimeout, to: .seconds(30 * 86_400))
                    default: try await near.setOption(.sendBufferSize, to: 0)
                    }
                }
            }
        }
    }

    @Test func `a peer that lets nothing in is given up after the user timeout (D13)`() async throws
    {
        try await onLoop {
            var options = TCPStream.Options()
            options.userTimeout = .milliseconds(300)
            options.sendBufferSize = 4096
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let near = try await TCPStream.connect(to: listener.localAddress, options: options)
            let far = try await listener.accept()
            let code = await ioCode {
                while true { try await near.write(pattern(65_536)) }
            }
            #expect(code == .timedOut)
            await near.close()
            await far.close()
            await listener.close()
        }
    }

    @Test(arguments: [SCRIPT_RECV, SCRIPT_SEND])
    func `a connection that the network gave up has timed out (D13)`(call: script_call) async throws
    {
        try await onScriptedLoop {
            try await withPair { near, far in
                try await far.write("x")
                try await near.untilReadable()
                script_fail(call, 1, 1, ETIMEDOUT)
                let code = await ioCode {
                    if call == SCRIPT_RECV {
                        _ = try await near.read(upTo: 1)
                    } else {
                        try await near.write("x")
                    }
                }
                #expect(code == .timedOut)
            }
        }
    }
}
