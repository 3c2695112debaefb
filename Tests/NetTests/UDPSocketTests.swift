import AsyncCoreTestSupport
import AsyncCoreTesting
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Datagrams: S572 to S581, E2 to E8.
@Suite(.watched)
struct UDPSocketTests {
    private static func text(_ datagram: Datagram<SocketAddress>) -> String {
        String(decoding: datagram.bytes, as: UTF8.self)
    }

    /// Runs `body` on a loop with two sockets that are bound to the loopback.
    private static func withPair(
        _ host: String = "127.0.0.1",
        _ body: @escaping @Sendable (_ one: UDPSocket, _ other: UDPSocket) async throws -> Void
    ) async throws {
        try await onLoop {
            let one = try UDPSocket.bind(to: SocketAddress(host, port: 0))
            let other = try UDPSocket.bind(to: SocketAddress(host, port: 0))
            try await body(one, other)
            await one.close()
            await other.close()
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `a datagram arrives with its sender, and is answered`(host: String) async throws {
        try await Self.withPair(host) { one, other in
            let question = spawn { try await other.receive() }
            try await settle()
            #expect(!question.isFinished)
            try await one.send(Array("who?".utf8), to: other.localAddress)
            let asked = try await question.value
            #expect(Self.text(asked) == "who?" && asked.address == one.localAddress)
            try await other.send(Array("me".utf8), to: asked.address)
            #expect(Self.text(try await one.receive()) == "me")
            #expect(one.bytesSent == 4 && one.bytesReceived == 2)
        }
    }

    @Test func `a connected socket has one peer, and hears of nobody else`() async throws {
        try await Self.withPair { server, stranger in
            let client = try UDPSocket.connect(to: server.localAddress)
            #expect(client.peerAddress == server.localAddress)
            try await client.send(Array("hello".utf8))
            let hello = try await server.receive()
            #expect(hello.address == client.localAddress)
            try await stranger.send([1], to: client.localAddress)
            try await server.send([2], to: client.localAddress)
            #expect(try await client.receive().bytes == [2])
            await client.close()
        }
    }

    @Test func `an empty datagram is one (E4)`() async throws {
        try await Self.withPair { one, other in
            try await one.send([], to: other.localAddress)
            try await one.send([1], to: other.localAddress)
            let empty = try await other.receive()
            #expect(empty.bytes == [] && !empty.isTruncated)
            #expect(try await other.receive().bytes == [1])
        }
    }

    @Test func `what is cut is always seen to be (E3)`() async throws {
        try await Self.withPair { one, other in
            for room in [0, 1, 99, 100, 101] {
                try await one.send([UInt8](repeating: 7, count: 100), to: other.localAddress)
                let datagram = try await other.receive(room: room)
                #expect(datagram.bytes.count == min(room, 100))
                #expect(datagram.size == 100)
                #expect(datagram.isTruncated == (room < 100))
            }
        }
    }

    @Test func `a datagram that is too big is an error, and does no harm (S575, E2)`() async throws
    {
        try await Self.withPair { one, other in
            let code = await ioCode {
                try await one.send([UInt8](repeating: 0, count: 65_508), to: other.localAddress)
            }
            #expect(code == .messageTooLong)
            try await one.send([UInt8](repeating: 1, count: 65_507), to: other.localAddress)
            #expect(try await other.receive().bytes.count == 65_507)
        }
    }

    @Test func `that nobody listens is told once, and the socket works on (S572)`() async throws {
        try await onLoop {
            let gone = try UDPSocket.bind(to: .loopback(port: 0))
            let address = gone.localAddress
            await gone.close()
            let client = try UDPSocket.connect(to: address)
            try await client.send([1])
            #expect(await ioCode { _ = try await client.receive() } == .connectionRefused)
            let back = try UDPSocket.bind(to: address)
            try await client.send([2])
            #expect(try await back.receive().bytes == [2])
            try await back.send([3], to: client.localAddress)
            #expect(try await client.receive().bytes == [3])
            await back.close()
            await client.close()
        }
    }

    @Test func `an error on a socket that nobody reads does not keep the loop busy (S578)`()
        async throws
    {
        try await onLoop {
            let gone = try UDPSocket.bind(to: .loopback(port: 0))
            let client = try UDPSocket.connect(to: gone.localAddress)
            await gone.close()
            try await client.send([1])
            try await settle()
            let before = EventLoop.current!.statistics.turns
            try await sleep(for: .milliseconds(5))
            #expect(EventLoop.current!.statistics.turns - before < 50)
            await client.close()
        }
    }

    // MARK: - Batches

    @Test func `a batch arrives in order, each with its sender (S581)`() async throws {
        try await Self.withPair { one, other in
            let third = try UDPSocket.bind(to: .loopback(port: 0))
            let batch = (0..<100).map { Datagram([UInt8($0)], to: other.localAddress) }
            let outcome = try await one.send(batch: batch)
            #expect(outcome.sent == 100 && outcome.failures.isEmpty)
            try await third.send([200], to: other.localAddress)
            var received: [Datagram<SocketAddress>] = []
            while received.count < 101 {
                received += try await other.receive(batch: 200, room: 16)
            }
            #expect(received.dropLast().map(\.bytes) == (0..<100).map { [$0] })
            #expect(received.dropLast().allSatisfy { $0.address == one.localAddress })
            #expect(received.last?.address == third.localAddress)
            await third.close()
        }
    }

    @Test func `one that cannot be sent does not keep back the others (S573, E7)`() async throws {
        try await Self.withPair { one, other in
            let tooLong = Datagram([UInt8](repeating: 0, count: 70_000), to: other.localAddress)
            let outcome = try await one.send(batch: [
                Datagram([0], to: other.localAddress), tooLong,
                Datagram([1], to: other.localAddress), tooLong,
            ])
            #expect(outcome.sent == 2)
            #expect(outcome.failures.map(\.index) == [1, 3])
            #expect(outcome.failures.allSatisfy { $0.error.code == .messageTooLong })
            #expect(try await other.receive().bytes == [0])
            #expect(try await other.receive().bytes == [1])
        }
    }

    @Test(arguments: [ENOBUFS, ENOMEM, EHOSTUNREACH])
    func `errors of the kernel are told, once each (I4)`(errno: CInt) async throws {
        try await onScriptedLoop {
            let one = try UDPSocket.bind(to: .loopback(port: 0))
            script_fail(SCRIPT_SENDMMSG, 1, 1, errno)
            let code = await ioCode { try await one.send([1], to: one.localAddress) }
            #expect(code != nil)
            try await one.send([2], to: one.localAddress)
            script_fail(SCRIPT_RECVMMSG, 1, 1, errno)
            #expect(await ioCode { _ = try await one.receive() } == code)
            #expect(try await one.receive().bytes == [2])
            await one.close()
        }
    }

    @Test func `a send that finds no room goes on when the kernel has some`() async throws {
        try await onScriptedLoop {
            let one = try UDPSocket.bind(to: .loopback(port: 0))
            let before = script_count(SCRIPT_SENDMMSG)
            script_fail(SCRIPT_SENDMMSG, 1, 1, EAGAIN)
            try await one.send([1], to: one.localAddress)
            #expect(script_count(SCRIPT_SENDMMSG) == before + 2)
            #expect(try await one.receive().bytes == [1])
            await one.close()
        }
    }

    // MARK: - Waiting

    @Test func `a wait is cancelled before it begins, and while it lasts; nothing is lost`()
        async throws
    {
        try await Self.withPair { one, other in
            let waiting = spawn { try await other.receive() }
            try await settle()
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            try await one.send([1], to: other.localAddress)
            let late = spawn { try await other.receive() }
            late.cancel()
            #expect(await late.result.isCancelled)
            #expect(try await other.receive().bytes == [1])
            for cancelsFirst in [true, false] {
                let racing = spawn { try await other.receive() }
                try await settle()
                if cancelsFirst { racing.cancel() }
                try await one.send([2], to: other.localAddress)
                if !cancelsFirst { racing.cancel() }
                // Received by the one or by the other, and by nobody twice.
                if case .failure = await racing.result {
                    #expect(try await other.receive().bytes == [2])
                }
            }
        }
    }

    @Test func `closing wakes who waits, a second task is refused, and a sequence ends`()
        async throws
    {
        try await Self.withPair { one, other in
            let first = spawn { try await other.receive() }
            try await settle()
            #expect(await ioCode { _ = try await other.receive() } == .busy)
            await other.close()
            #expect(await first.result.ioCode == .closed)
            #expect(await ioCode { _ = try await other.receive() } == .closed)
            #expect(await ioCode { try await other.send([1], to: one.localAddress) } == .closed)
            let all = spawn {
                var bytes: [UInt8] = []
                for try await datagram in one { bytes += datagram.bytes }
                return bytes
            }
            try await settle()
            let sender = try UDPSocket.connect(to: one.localAddress)
            for byte in 1...3 { try await sender.send([UInt8(byte)]) }
            while one.bytesReceived < 3 { try await yield() }
            await one.close()
            #expect(try await all.value == [1, 2, 3])
            await sender.close()
        }
    }

    @Test func `a loop that stops wakes who waits; calls from elsewhere are forwarded`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let socket = try await loop.run { try UDPSocket.bind(to: .loopback(port: 0)) }
        try await socket.send([1], to: socket.localAddress)
        #expect(try await socket.receive().bytes == [1])
        let waiting = loop.spawn { try await socket.receive() }
        try await loop.run { try await settle() }
        try await loop.shutdown()
        let result = await waiting.result
        #expect(result.isCancelled || result.isStopped)
        await #expect(throws: EventLoopError.stopped) { try await socket.receive() }
    }

    @Test func `a flood does not keep timers and other tasks waiting (E6)`() async throws {
        try await Self.withPair { one, other in
            var options = UDPSocket.Options()
            options.receiveBufferSize = 1 << 20
            let sink = try UDPSocket.bind(to: .loopback(port: 0), options: options)
            let flood = spawn {
                let batch = (0..<64).map { _ in Datagram([0], to: sink.localAddress) }
                while true { try await one.send(batch: batch) }
            }
            let drain = spawn {
                while true { _ = try await sink.receive(batch: 64, room: 16) }
            }
            for _ in 0..<20 { try await sleep(for: .microseconds(100)) }
            try await other.send([1], to: other.localAddress)
            #expect(try await other.receive().bytes == [1])
            flood.cancel()
            drain.cancel()
            _ = await (flood.result, drain.result)
            await sink.close()
        }
    }

    // MARK: - Options

    @Test func `a broadcast needs the option (E8)`() async throws {
        try await onLoop {
            let broadcast = try SocketAddress("255.255.255.255", port: 9)
            let plain = try UDPSocket.bind(to: .loopback(port: 0))
            #expect(await ioCode { try await plain.send([1], to: broadcast) } == .permissionDenied)
            await plain.close()
        }
    }

    @Test func `a group's members on this machine hear what is sent to it`() async throws {
        try await onLoop {
            let group = try SocketAddress("239.255.77.7", port: 0)
            let member = try UDPSocket.bind(to: SocketAddress("0.0.0.0", port: 0))
            try await member.join(group, interface: "lo")
            let code = await ioCode { try await member.join(group, interface: "lo") }
            #expect(code == .addressInUse)
            let target = try SocketAddress(group.host, port: member.localAddress.port)
            let sender = try UDPSocket.bind(to: .loopback(port: 0))
            try await sender.join(group, interface: "lo")
            try await sender.send(Array("all".utf8), to: target)
            #expect(Self.text(try await member.receive()) == "all")
            try await member.leave(group, interface: "lo")
            #expect(
                await ioCode { try await member.leave(group, interface: "lo") }
                    == .addressNotAvailable)
            let none = await ioCode { try await member.join(group, interface: "nowhere0") }
            #expect(none == .system)
            await member.close()
            await sender.close()
        }
    }

    @Test func `sockets that share a port are bound by option alone`() async throws {
        try await onLoop {
            var options = UDPSocket.Options()
            options.reusesPort = true
            let first = try UDPSocket.bind(to: .loopback(port: 0), options: options)
            let second = try UDPSocket.bind(to: first.localAddress, options: options)
            let code = await ioCode { _ = try UDPSocket.bind(to: first.localAddress) }
            #expect(code == .addressInUse)
            await first.close()
            await second.close()
        }
    }

    @Test func `on virtual time, time waits for what has come`() async throws {
        try await withVirtualTime {
            let socket = try UDPSocket.bind(to: .loopback(port: 0))
            let waiting = spawn {
                try await withTimeout(.seconds(5)) { try await socket.receive() }
            }
            try await sleep(for: .seconds(1))
            try await socket.send([9], to: socket.localAddress)
            #expect(try await waiting.value.bytes == [9])
            await socket.close()
        }
    }
}
