import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Datagrams that the kernel has joined, received one by one: S581, E3, E4.
@Suite(.watched)
struct UDPCoalescingTests {
    /// A receiver that lets the kernel join.
    private static func makeSink(_ host: String = "127.0.0.1") throws -> UDPSocket {
        var options = UDPSocket.Options()
        options.coalescesReceived = true
        options.receiveBufferSize = 212_992
        return try UDPSocket.bind(to: SocketAddress(host, port: 0), options: options)
    }

    /// Runs `body` with a sender and a receiver, and with calls that are counted.
    private static func withPair(
        _ host: String = "127.0.0.1",
        _ body: @escaping @Sendable (_ sender: UDPSocket, _ sink: UDPSocket) async throws -> Void
    ) async throws {
        try await onScriptedLoop {
            let sink = try makeSink(host)
            let sender = try UDPSocket.connect(to: sink.localAddress)
            try await body(sender, sink)
            await sender.close()
            await sink.close()
        }
    }

    private static func pieces(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
        UDPSegmentationTests.pieces(bytes, size)
    }

    // MARK: - What comes

    @Test(arguments: ["127.0.0.1", "::1"])
    func `joined datagrams come one by one, by one system call`(host: String) async throws {
        try await Self.withPair(host) { sender, sink in
            for (count, size) in [(640, 10), (64_800, 1_200), (64_801, 1_201), (3, 2)] {
                let bytes = pattern(count)
                let before = script_count(SCRIPT_RECVMMSG)
                try await sender.send(bytes, segmentSize: size)
                for piece in Self.pieces(bytes, size) {
                    let datagram = try await sink.receive()
                    #expect(datagram.bytes == piece && datagram.size == piece.count)
                    #expect(!datagram.isTruncated && datagram.address == sender.localAddress)
                }
                #expect(script_count(SCRIPT_RECVMMSG) == before + 1)
            }
            #expect(sink.bytesReceived == sender.bytesSent)
        }
    }

    @Test func `what was not joined comes as ever, empty ones too (E4)`() async throws {
        try await Self.withPair { sender, sink in
            let other = try UDPSocket.connect(to: sink.localAddress)
            try await sender.send([])
            try await sender.send([1, 2, 3])
            try await sender.send(pattern(25), segmentSize: 10)
            try await other.send([])
            try await other.send(pattern(65_507))
            let received = try await sink.receive(batch: 64)
            #expect(
                received.map(\.bytes) == [[], [1, 2, 3]] + Self.pieces(pattern(25), 10)
                    + [[], pattern(65_507)])
            #expect(received.prefix(5).allSatisfy { $0.address == sender.localAddress })
            #expect(received.suffix(2).allSatisfy { $0.address == other.localAddress })
            #expect(received.allSatisfy { !$0.isTruncated })
            await other.close()
        }
    }

    @Test func `a batch has no more than were asked for, and the rest comes next (S581)`()
        async throws
    {
        try await Self.withPair { sender, sink in
            let bytes = pattern(640)
            try await sender.send(bytes, segmentSize: 10)
            let before = script_count(SCRIPT_RECVMMSG)
            var received: [[UInt8]] = []
            for count in [1, 2, 5, 50, 100] {
                let batch = try await sink.receive(batch: count)
                #expect(batch.count == min(count, 64 - received.count))
                received += batch.map(\.bytes)
            }
            #expect(received == Self.pieces(bytes, 10))
            #expect(script_count(SCRIPT_RECVMMSG) == before + 1)
        }
    }

    @Test func `one call takes 16 messages at most, so what is kept is bounded`() async throws {
        try await Self.withPair { sender, sink in
            // 17 messages of 64.
            let bytes = pattern(17 * 64)
            try await sender.send(bytes, segmentSize: 1)
            var calls = [script_count(SCRIPT_RECVMMSG)]
            var received: [[UInt8]] = []
            while received.count < bytes.count {
                received += try await sink.receive(batch: 64).map(\.bytes)
                let count = script_count(SCRIPT_RECVMMSG)
                if count != calls.last { calls.append(count) }
                // All that the first call can have given.
                if received.count == 16 * 64 { #expect(calls.count == 2) }
            }
            #expect(received == Self.pieces(bytes, 1) && calls.count == 3)
            // By now it is known that one message is a batch.
            try await sender.send(pattern(128), segmentSize: 1)
            for _ in 0..<2 {
                let before = script_count(SCRIPT_RECVMMSG)
                #expect(try await sink.receive(batch: 64).count == 64)
                #expect(script_count(SCRIPT_RECVMMSG) == before + 1)
            }
        }
    }

    @Test func `what is cut is always seen to be, of each datagram (E3)`() async throws {
        try await Self.withPair { sender, sink in
            let bytes = pattern(95)
            for room in [0, 1, 5, 9, 10, 11, 65_535] {
                for count in [1, 3, 64] {
                    try await sender.send(bytes, segmentSize: 10)
                    var received: [Datagram<SocketAddress>] = []
                    while received.count < 10 {
                        received += try await sink.receive(batch: count, room: room)
                    }
                    for (datagram, piece) in zip(received, Self.pieces(bytes, 10)) {
                        #expect(datagram.bytes == Array(piece.prefix(room)))
                        #expect(datagram.size == piece.count)
                        #expect(datagram.isTruncated == (room < piece.count))
                    }
                }
            }
            // What is kept is whole, whatever room the call had that it came with.
            try await sender.send(bytes, segmentSize: 10)
            #expect(try await sink.receive(room: 3).bytes == Array(bytes[..<3]))
            #expect(try await sink.receive().bytes == Array(bytes[10..<20]))
            #expect(try await sink.receive(batch: 64, room: 9).allSatisfy { $0.size <= 10 })
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `whatever is sent and asked for, the datagrams are the same`(seed: UInt64) async throws {
        try await Self.withPair { sender, sink in
            var generator = SplitMix64(seed: seed)
            var expected: [[UInt8]] = []
            var received: [Datagram<SocketAddress>] = []
            for _ in 0..<40 {
                let size = Int.random(in: 1...2_000, using: &generator)
                let bytes = pattern(Int.random(in: 0...20_000, using: &generator))
                expected += Self.pieces(bytes, size)
                try await sender.send(bytes, segmentSize: size)
                for _ in 0..<Int.random(in: 0...3, using: &generator)
                where received.count < expected.count {
                    let count = Int.random(in: 1...100, using: &generator)
                    let batch = try await sink.receive(batch: count)
                    #expect(!batch.isEmpty && batch.count <= count)
                    received += batch
                }
                while received.count < expected.count {
                    received += try await sink.receive(batch: 100)
                }
            }
            #expect(received.map(\.bytes) == expected)
        }
    }

    // MARK: - Options

    @Test func `without the option datagrams come as they were sent`() async throws {
        try await onScriptedLoop {
            let set = script_count(SCRIPT_SETSOCKOPT)
            let sink = try UDPSocket.bind(to: .loopback(port: 0))
            #expect(script_count(SCRIPT_SETSOCKOPT) == set)
            let sender = try UDPSocket.connect(to: sink.localAddress)
            try await sender.send(pattern(95), segmentSize: 10)
            let before = script_count(SCRIPT_RECVMMSG)
            for piece in Self.pieces(pattern(95), 10) {
                #expect(try await sink.receive().bytes == piece)
            }
            #expect(script_count(SCRIPT_RECVMMSG) == before + 10)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `a kernel that does not know how brings datagrams as they are`() async throws {
        try await onScriptedLoop {
            script_fail(SCRIPT_SETSOCKOPT, 1, 1, ENOPROTOOPT)
            let sink = try Self.makeSink()
            let sender = try UDPSocket.connect(to: sink.localAddress)
            try await sender.send(pattern(95), segmentSize: 10)
            #expect(try await sink.receive(batch: 64).map(\.bytes) == Self.pieces(pattern(95), 10))
            script_fail(SCRIPT_SETSOCKOPT, 1, 1, EPERM)
            #expect(await ioCode { _ = try Self.makeSink() } == .permissionDenied)
            await sender.close()
            await sink.close()
        }
    }

    // MARK: - Waiting

    @Test func `an error of the kernel comes behind what was there before it (S572, I4)`()
        async throws
    {
        try await Self.withPair { sender, sink in
            try await sender.send(pattern(30), segmentSize: 10)
            #expect(try await sink.receive().bytes == Array(pattern(10)))
            script_fail(SCRIPT_RECVMMSG, 1, 1, ENOBUFS)
            #expect(try await sink.receive(batch: 9).count == 2)
            try await sender.send(pattern(20), segmentSize: 10)
            #expect(await ioCode { _ = try await sink.receive() } == .resourcesExhausted)
            #expect(try await sink.receive(batch: 9).count == 2)
        }
    }

    @Test func `a wait is cancelled before it begins, and while it lasts; nothing is lost`()
        async throws
    {
        try await Self.withPair { sender, sink in
            let waiting = spawn { try await sink.receive() }
            try await settle()
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            try await sender.send(pattern(40), segmentSize: 10)
            var received = [try await sink.receive().bytes]
            // Now there are some that the kernel has no more.
            let late = spawn { try await sink.receive(batch: 64) }
            late.cancel()
            #expect(await late.result.isCancelled)
            received.append(try await sink.receive().bytes)
            received += try await sink.receive(batch: 64).map(\.bytes)
            #expect(received == Self.pieces(pattern(40), 10))
            for cancelsFirst in [true, false] {
                let racing = spawn { try await sink.receive() }
                try await settle()
                if cancelsFirst { racing.cancel() }
                try await sender.send(pattern(30), segmentSize: 10)
                if !cancelsFirst { racing.cancel() }
                let result = await racing.result
                // Received by the one or by the other, and by nobody twice.
                var received = (try? result.get()).map { [$0.bytes] } ?? []
                while received.count < 3 {
                    received += try await sink.receive(batch: 64).map(\.bytes)
                }
                #expect(received == Self.pieces(pattern(30), 10))
            }
        }
    }

    @Test func `closing wakes who waits, and ends what is kept; a second task is refused (S577)`()
        async throws
    {
        try await Self.withPair { sender, sink in
            let first = spawn { try await sink.receive() }
            try await settle()
            #expect(await ioCode { _ = try await sink.receive(batch: 2) } == .busy)
            await sink.close()
            #expect(await first.result.ioCode == .closed)
            let other = try Self.makeSink()
            await sender.close()
            let again = try UDPSocket.connect(to: other.localAddress)
            try await again.send(pattern(40), segmentSize: 10)
            var bytes: [UInt8] = []
            for try await datagram in other {
                bytes += datagram.bytes
                if bytes.count == 20 { await other.close() }
            }
            #expect(bytes == pattern(20))
            #expect(await ioCode { _ = try await other.receive() } == .closed)
            await again.close()
        }
    }

    @Test func `a loop that stops ends it; calls from elsewhere are forwarded (I11)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let (sink, empty) = try await loop.run { (try Self.makeSink(), try Self.makeSink()) }
        let body: @Sendable () async throws -> Void = {
            let outcome = try await empty.send(
                pattern(40), segmentSize: 10, to: sink.localAddress)
            #expect(outcome.sent == 4)
            #expect(try await sink.receive().bytes == pattern(10))
            #expect(try await sink.receive(batch: 2, room: 3).map(\.size) == [10, 10])
            #expect(try await sink.receive().bytes == Array(pattern(40)[30...]))
        }
        try await onLoop(body)
        try await body()
        try await empty.send(pattern(40), segmentSize: 10, to: sink.localAddress)
        #expect(try await sink.receive().bytes == pattern(10))
        let waiting = loop.spawn { try await empty.receive() }
        try await loop.run { try await settle() }
        try await loop.shutdown()
        let result = await waiting.result
        #expect(result.isCancelled || result.isStopped)
        for socket in [empty, sink] {
            await #expect(throws: EventLoopError.stopped) { try await socket.receive() }
        }
    }

    @Test func `a flood does not keep timers and other tasks waiting (E6)`() async throws {
        try await Self.withPair { sender, sink in
            let other = try UDPSocket.bind(to: .loopback(port: 0))
            let flood = spawn {
                while true { try await sender.send(pattern(64_000), segmentSize: 1_000) }
            }
            let drain = spawn { while true { _ = try await sink.receive(batch: 64) } }
            for _ in 0..<20 { try await sleep(for: .microseconds(100)) }
            try await other.send([1], to: other.localAddress)
            #expect(try await other.receive().bytes == [1])
            flood.cancel()
            drain.cancel()
            _ = await (flood.result, drain.result)
            await other.close()
        }
    }
}
