import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// One array as many datagrams, cut by the kernel or by us: S572 to S575.
@Suite(.watched)
struct UDPSegmentationTests {
    /// A receiver with room for what these tests send: the most that a system allows as a rule.
    static func makeSink(_ host: String = "127.0.0.1") throws -> UDPSocket {
        var options = UDPSocket.Options()
        options.receiveBufferSize = 212_992
        return try UDPSocket.bind(to: SocketAddress(host, port: 0), options: options)
    }

    /// A socket that sends to `sink`, connected to it or not.
    private static func makeSender(_ sink: UDPSocket, isConnected: Bool) throws -> UDPSocket {
        if isConnected { return try UDPSocket.connect(to: sink.localAddress) }
        return try UDPSocket.bind(to: SocketAddress(sink.localAddress.host, port: 0))
    }

    @discardableResult
    private static func send(
        _ bytes: [UInt8], _ size: Int, _ sender: UDPSocket, _ sink: UDPSocket
    ) async throws -> UDPSocket.BatchOutcome {
        if sender.peerAddress != nil { return try await sender.send(bytes, segmentSize: size) }
        return try await sender.send(bytes, segmentSize: size, to: sink.localAddress)
    }

    /// The pieces that an array is to be cut into.
    static func pieces(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
    }

    /// Sends an array, and expects its pieces to arrive.
    private static func exchange(
        _ bytes: [UInt8], _ size: Int, _ sender: UDPSocket, _ sink: UDPSocket,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let expected = pieces(bytes, size)
        let outcome = try await send(bytes, size, sender, sink)
        #expect(
            outcome.sent == expected.count && outcome.failures.isEmpty,
            sourceLocation: sourceLocation)
        try await expect(expected, from: sender, at: sink, sourceLocation: sourceLocation)
    }

    /// Expects datagrams, and nothing behind them.
    private static func expect(
        _ expected: [[UInt8]], from sender: UDPSocket, at sink: UDPSocket,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        // The last one shows that there are no more.
        let end = Array("the end".utf8)
        if sender.peerAddress == nil {
            try await sender.send(end, to: sink.localAddress)
        } else {
            try await sender.send(end)
        }
        var received: [Datagram<SocketAddress>] = []
        while received.last?.bytes != end { received += try await sink.receive(batch: 64) }
        #expect(received.dropLast().map(\.bytes) == expected, sourceLocation: sourceLocation)
        #expect(
            received.allSatisfy { $0.address.port == sender.localAddress.port },
            sourceLocation: sourceLocation)
    }

    // MARK: - What arrives

    /// Sizes around one datagram, the most that the kernel takes at once, and beyond.
    private static let cases = [
        (0, 10), (1, 10), (9, 10), (10, 10), (11, 10), (20, 10), (64, 1), (65, 1), (129, 1),
        (64_800, 1_200), (66_001, 1_200), (90_000, 40_000), (65_000, 32_700), (65_401, 32_700),
        (500, Int.max),
    ]

    @Test(arguments: ["127.0.0.1", "::1"], [false, true])
    func `an array arrives as datagrams of one size, of which the last may be shorter`(
        host: String, isConnected: Bool
    ) async throws {
        try await onLoop {
            let sink = try Self.makeSink(host)
            let sender = try Self.makeSender(sink, isConnected: isConnected)
            var total = 0
            for (count, size) in Self.cases {
                try await Self.exchange(pattern(count), size, sender, sink)
                total += count + 7
                #expect(sender.bytesSent == total && sink.bytesReceived == total)
            }
            await sender.close()
            await sink.close()
        }
    }

    @Test func `the kernel cuts up to 64 at once, one by itself is not to be cut`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            let asked = script_count(SCRIPT_GETSOCKOPT)
            // Bytes, size, messages of which so many are to be cut, and calls.
            for (count, size, messages, cut, calls) in [
                (64, 1, 1, 1, 1), (65, 1, 2, 1, 1), (256, 1, 4, 4, 1), (257, 1, 5, 4, 2),
                (54 * 1_200 + 1, 1_200, 2, 1, 1), (12_000, 12_000, 1, 0, 1),
                (66_000, 33_000, 2, 0, 1), (100, 1_000, 1, 0, 1),
            ] as [(Int, Int, UInt64, UInt64, UInt64)] {
                let before = (
                    script_messages(), script_messages_cut(), script_count(SCRIPT_SENDMMSG)
                )
                try await Self.send(pattern(count), size, sender, sink)
                #expect(script_messages() - before.0 == messages, "\(count) by \(size)")
                #expect(script_messages_cut() - before.1 == cut, "\(count) by \(size)")
                #expect(script_count(SCRIPT_SENDMMSG) - before.2 == calls, "\(count) by \(size)")
                try await Self.expect(Self.pieces(pattern(count), size), from: sender, at: sink)
            }
            // Whether the kernel knows how was asked once.
            #expect(script_count(SCRIPT_GETSOCKOPT) == asked + 1)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `the ranges of segments cover an array, each byte once`() {
        for count in 0...40 {
            for size in [1, 2, 3, 7, 39, 40, 41, Int.max] {
                let bytes = pattern(count)
                let segments = DatagramSegments(bytes: bytes, size: size)
                let expected = Self.pieces(bytes, min(size, 1_000))
                #expect(segments.count == expected.count)
                for first in 0..<segments.count {
                    for length in 0...(segments.count - first + 1) {
                        let range = segments.range(from: first, length)
                        let part = expected.dropFirst(first).prefix(length)
                        #expect(Array(bytes[range]) == Array(part.joined()))
                    }
                }
            }
        }
    }

    // MARK: - Kernels and ways that cannot

    @Test func `a kernel that does not know segments gets datagrams one by one`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: true)
            script_fail(SCRIPT_GETSOCKOPT, 1, 1, ENOPROTOOPT)
            let asked = script_count(SCRIPT_GETSOCKOPT)
            for _ in 0..<3 { try await Self.exchange(pattern(65), 1, sender, sink) }
            #expect(script_messages_cut() == 0)
            #expect(script_count(SCRIPT_GETSOCKOPT) == asked + 1)
            await sender.close()
            await sink.close()
        }
    }

    @Test(arguments: [EIO, EINVAL, EMSGSIZE], [false, true])
    func `a way that cannot cut them gets datagrams one by one, and none is lost (I4)`(
        error: CInt, isConnected: Bool
    ) async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: isConnected)
            // A device that has packets of 1,000 bytes; or that makes no checksums, for EIO.
            let limit: UInt16 = error == EIO ? 0 : 1_000
            script_refuse_segments(limit, error)
            let calls = script_count(SCRIPT_SENDMMSG)
            try await Self.exchange(pattern(2_500), 1_200, sender, sink)
            // The refusal, the datagrams, and the end.
            #expect(script_count(SCRIPT_SENDMMSG) == calls + 3)
            // From now on it is known: for that size and larger ones, or for all.
            try await Self.exchange(pattern(2_500), 1_200, sender, sink)
            try await Self.exchange(pattern(4_500), 1_500, sender, sink)
            #expect(script_count(SCRIPT_SENDMMSG) == calls + 7)
            #expect(script_messages_cut() == 0)
            try await Self.exchange(pattern(2_500), 1_000, sender, sink)
            #expect(script_messages_cut() == (error == EIO ? 0 : 1))
            await sender.close()
            await sink.close()
        }
    }

    @Test func `a refusal in the middle of an array loses nothing, and keeps the order`()
        async throws
    {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            // The second call is the one that is refused.
            script_fail(SCRIPT_SENDMMSG, 2, 1, EIO)
            try await Self.exchange(pattern(300), 1, sender, sink)
            #expect(script_messages_cut() == 4)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `what the datagrams fail with themselves is not blamed on the cutting (S573)`()
        async throws
    {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            // The kernel says EINVAL to both forms.
            let nowhere = try SocketAddress.loopback(port: 0)
            let outcome = try await sender.send(pattern(25), segmentSize: 10, to: nowhere)
            #expect(outcome.sent == 0 && outcome.failures.map(\.index) == [0, 1, 2])
            #expect(outcome.failures.allSatisfy { $0.error.errno == EINVAL })
            #expect(outcome.failures[2].error.operation == "send 5 bytes to 127.0.0.1:0")
            #expect(sender.bytesSent == 0)
            try await Self.exchange(pattern(25), 10, sender, sink)
            #expect(script_messages_cut() == 1)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `datagrams that are too big are errors, each by itself (S575, E2)`() async throws {
        try await onLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: true)
            let bytes = pattern(150_000)
            let outcome = try await sender.send(bytes, segmentSize: 70_000)
            #expect(outcome.sent == 1 && outcome.failures.map(\.index) == [0, 1])
            #expect(outcome.failures.allSatisfy { $0.error.code == .messageTooLong })
            try await Self.expect([Array(bytes[140_000...])], from: sender, at: sink)
            await sender.close()
            await sink.close()
        }
    }

    @Test(arguments: [ENOBUFS, ENOMEM, EHOSTUNREACH, EPERM])
    func `an error is that of one datagram, and the others go (S573, E7)`(error: CInt)
        async throws
    {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            script_fail(SCRIPT_SENDMMSG, 1, 1, error)
            let bytes = pattern(50)
            let outcome = try await Self.send(bytes, 10, sender, sink)
            #expect(outcome.sent == 4 && outcome.failures.map(\.index) == [0])
            #expect(outcome.failures[0].error.errno == error)
            try await Self.expect(Self.pieces(Array(bytes[10...]), 10), from: sender, at: sink)
            #expect(script_messages_cut() == 1)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `that nobody listens is told once, and the socket works on (S572)`() async throws {
        try await onLoop {
            let gone = try UDPSocket.bind(to: .loopback(port: 0))
            let client = try UDPSocket.connect(to: gone.localAddress)
            await gone.close()
            #expect(try await client.send(pattern(30), segmentSize: 10).sent == 3)
            let outcome = try await client.send(pattern(30), segmentSize: 10)
            #expect(outcome.failures.first?.index == 0)
            #expect(outcome.failures.first?.error.code == .connectionRefused)
            let back = try UDPSocket.bind(to: gone.localAddress)
            // What is left of the error, if the second send met with it again.
            _ = await ioCode { try await client.send([0]) }
            try await client.send(Array("begin".utf8))
            while try await back.receive().bytes != Array("begin".utf8) {}
            try await Self.exchange(pattern(30), 10, client, back)
            await back.close()
            await client.close()
        }
    }

    // MARK: - Waiting

    @Test func `a send that finds no room goes on when the kernel has some`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            script_fail(SCRIPT_SENDMMSG, 1, 1, EAGAIN)
            try await Self.exchange(pattern(65), 1, sender, sink)
            #expect(script_messages_cut() == 1)
            // No room behind a refusal: it is tried in the same way again.
            let other = try Self.makeSender(sink, isConnected: true)
            script_refuse_segments(0, EIO)
            script_fail(SCRIPT_SENDMMSG, 2, 1, EAGAIN)
            try await Self.exchange(pattern(65), 1, other, sink)
            for socket in [sender, other, sink] { await socket.close() }
        }
    }

    @Test func `a buffer that is smaller than a message keeps none of it back`() async throws {
        try await onLoop {
            var options = UDPSocket.Options()
            options.sendBufferSize = 1
            let sink = try Self.makeSink()
            let sender = try UDPSocket.connect(to: sink.localAddress, options: options)
            for _ in 0..<3 { try await Self.exchange(pattern(64_800), 1_200, sender, sink) }
            await sender.close()
            await sink.close()
        }
    }

    @Test func `a long array lets others have their turns (E6)`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            let (calls, turns) = (script_count(SCRIPT_SENDMMSG), currentLoop.statistics.turns)
            try await Self.send([UInt8](repeating: 1, count: 8 << 20), 1_000, sender, sink)
            #expect(script_count(SCRIPT_SENDMMSG) - calls > 32)
            #expect(currentLoop.statistics.turns - turns >= 10)
            await sender.close()
            await sink.close()
        }
    }

    /// A task that sends and has found no room, and will not find any.
    private static func startToWait(
        _ sender: UDPSocket, _ sink: UDPSocket
    ) async throws -> TaskHandle<UDPSocket.BatchOutcome, any Error> {
        try await settle()
        script_fail(SCRIPT_SENDMMSG, 1, 1_000_000, EAGAIN)
        let sending = spawn { try await send(pattern(65), 1, sender, sink) }
        try await settle()
        #expect(!sending.isFinished)
        return sending
    }

    @Test func `a send is cancelled before it begins, and while it waits; then nothing was sent`()
        async throws
    {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: false)
            let early = spawn { try await Self.send(pattern(65), 1, sender, sink) }
            early.cancel()
            #expect(await early.result.isCancelled)
            let late = try await Self.startToWait(sender, sink)
            late.cancel()
            #expect(await late.result.isCancelled)
            script_fail(SCRIPT_SENDMMSG, 1, 0, EAGAIN)
            #expect(sender.bytesSent == 0)
            try await Self.exchange(pattern(65), 1, sender, sink)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `closing wakes a sender that waits, and a second one is refused`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink()
            let sender = try Self.makeSender(sink, isConnected: true)
            let waiting = try await Self.startToWait(sender, sink)
            #expect(await ioCode { try await Self.send([1], 1, sender, sink) } == .busy)
            await sender.close()
            #expect(await waiting.result.map { _ in }.ioCode == .closed)
            #expect(await ioCode { try await Self.send([1], 1, sender, sink) } == .closed)
            // Also if there is nothing to send.
            #expect(await ioCode { try await Self.send([], 1, sender, sink) } == .closed)
            await sink.close()
        }
    }

    @Test func `a loop that stops wakes who waits; calls from elsewhere are forwarded (I11)`()
        async throws
    {
        // The loop is made here, on a thread that other tests have used.
        script_reset()
        var scripted = EventLoop.Configuration.quiet
        scripted.systemCalls = SystemCalls(table: script_sys())
        let owner = try EventLoop.start(configuration: scripted)
        let (sender, sink) = try await owner.run {
            let sink = try Self.makeSink()
            return (try Self.makeSender(sink, isConnected: false), sink)
        }
        let body: @Sendable () async throws -> Void = {
            try await Self.exchange(pattern(65), 1, sender, sink)
        }
        try await onLoop(body)
        try await body()
        let waiting = try await owner.run { try await Self.startToWait(sender, sink) }
        try await owner.shutdown()
        let result = await waiting.result
        #expect(result.isCancelled || result.isStopped)
        await #expect(throws: EventLoopError.stopped) {
            try await Self.send([1], 1, sender, sink)
        }
    }
}
