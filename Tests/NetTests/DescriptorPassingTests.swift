import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Descriptors over Unix streams: F6 to F8.
@Suite(.watched)
struct DescriptorPassingTests {
    /// Runs `body` with two ends of a connection, which it need not close. Every descriptor that came
    /// must be closed at its end.
    private static func withPair(
        _ body: @escaping @Sendable (_ near: UnixStream, _ far: UnixStream) async throws -> Void
    ) async throws {
        try await onScriptedLoop {
            let (near, far) = try UnixStream.pair()
            try await body(near, far)
            await near.close()
            await far.close()
        }
    }

    /// Both ends of a pipe: what is written to one is read from the other.
    private static func makePipe() -> (read: OwnedDescriptor, write: OwnedDescriptor) {
        var ends: [CInt] = [-1, -1]
        precondition(script_pipe(&ends) == 0)
        return (OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
    }

    private static func copies(_ count: Int) throws -> [OwnedDescriptor] {
        try (0..<count).map { _ in try OwnedDescriptor(duplicating: 2) }
    }

    private static func isOpen(_ number: CInt) -> Bool { fcntl(number, F_GETFD) >= 0 }

    @Test func `a passed descriptor works, is not inherited, and closes with its owner`()
        async throws
    {
        try await Self.withPair { near, far in
            let pipe = Self.makePipe()
            try await near.send([1, 2], descriptors: [pipe.write])
            #expect(pipe.write.withNumber(Self.isOpen))
            pipe.write.close()
            let message = try #require(try await far.receive(upTo: 9))
            #expect(message.bytes == [1, 2] && message.descriptors.count == 1)
            #expect(message.refusedCount == 0 && !message.hasLostDescriptors)
            let received = message.descriptors[0]
            #expect(received.withNumber { fcntl($0, F_GETFD) } == FD_CLOEXEC)
            #expect(received.withNumber { write($0, [7], 1) } == 1)
            var byte: UInt8 = 0
            #expect(pipe.read.withNumber { read($0, &byte, 1) } == 1 && byte == 7)
            received.close()
            // The last writer is gone.
            #expect(pipe.read.withNumber { read($0, &byte, 1) } == 0)
            #expect(near.bytesWritten == 2 && far.bytesRead == 2)
        }
    }

    @Test func `253 arrive in order, and one more is refused before the call (F8)`() async throws {
        try await Self.withPair { near, far in
            let many = try Self.copies(254)
            let error = await #expect(throws: IOError.self) {
                try await near.send([1], descriptors: many)
            }
            #expect(error?.code == .tooManyDescriptors && error?.errno == nil)
            #expect(error?.description.contains("253") == true)
            #expect(near.bytesWritten == 0)
            let pipe = Self.makePipe()
            try await near.send([2], descriptors: Array(many.prefix(252)) + [pipe.write])
            let message = try #require(try await far.receive(upTo: 9))
            #expect(message.descriptors.count == 253 && !message.hasLostDescriptors)
            #expect(message.descriptors[252].withNumber { write($0, [7], 1) } == 1)
            var byte: UInt8 = 0
            #expect(pipe.read.withNumber { read($0, &byte, 1) } == 1)
        }
    }

    @Test func `what is beyond the limit is closed and counted (F7)`() async throws {
        try await Self.withPair { near, far in
            for limit in [0, 1, 4, 5, 6] {
                try await near.send([1], descriptors: try Self.copies(5))
                let before = script_open_descriptors()
                let message = try #require(
                    try await far.receive(upTo: 9, maximumDescriptors: limit))
                // Nothing but this keeps the descriptors open to the end of the round.
                withExtendedLifetime(message) {
                    #expect(message.descriptors.count == min(limit, 5))
                    #expect(message.refusedCount == 5 - min(limit, 5))
                    #expect(script_open_descriptors() == before + Int64(min(limit, 5)))
                }
            }
        }
    }

    @Test func `messages with descriptors that wait together are all read, by either call (F7)`()
        async throws
    {
        try await Self.withPair { near, far in
            for byte in 1...6 { try await near.send([UInt8(byte)], descriptors: Self.copies(2)) }
            try await near.write([7, 8])
            while far.socket.readiness.isDisjoint(with: .readable) { try await yield() }
            var bytes: [UInt8] = []
            for round in 0..<3 {
                bytes += try #require(try await far.read(upTo: 100))
                let message = try #require(try await far.receive(upTo: 100))
                #expect(message.descriptors.count == 2, "round \(round)")
                bytes += message.bytes
            }
            bytes += try #require(try await far.read(upTo: 100_000))
            #expect(bytes == [1, 2, 3, 4, 5, 6, 7, 8])
        }
    }

    @Test func `a read into the caller's memory goes on behind descriptors (F7)`() async throws {
        try await Self.withPair { near, far in
            for byte in 1...3 { try await near.send([UInt8(byte)], descriptors: Self.copies(1)) }
            var bytes = [UInt8](repeating: 0, count: 100)
            for byte in 1...3 {
                var whole = bytes.mutableSpan
                var span = whole.mutableBytes
                let count = try await far.read(into: &span)
                #expect(count == 1)
                #expect(bytes[0] == UInt8(byte))
            }
        }
    }

    @Test func `descriptors go once with what is sent in parts`() async throws {
        try await Self.withPair { near, far in
            let bytes = pattern(1_000_000)
            let writer = spawn { try await near.send(bytes, descriptors: try Self.copies(3)) }
            var all: [UInt8] = []
            var count = 0
            while all.count < bytes.count, let next = try await far.receive(upTo: 1 << 20) {
                all += next.bytes
                count += next.descriptors.count
            }
            try await writer.value
            #expect(all == bytes && count == 3)
        }
    }

    @Test func `a transfer that the kernel cuts short loses and doubles none (D3)`() async throws {
        for rule in [ShortTransfers.Rule.oneByteOrNothing, .few] {
            try await onScriptedLoop(rule.calls) {
                let (near, far) = try UnixStream.pair()
                let reader = spawn {
                    var result: (bytes: [UInt8], count: Int) = ([], 0)
                    while let next = try await far.receive(upTo: 9) {
                        result.bytes += next.bytes
                        result.count += next.descriptors.count
                    }
                    return result
                }
                try await near.write(pattern(50))
                await near.close()
                #expect(try await reader.value == (pattern(50), 0))
                await far.close()
            }
        }
    }

    @Test func `a receive that is cancelled loses no descriptor (S436)`() async throws {
        try await Self.withPair { near, far in
            let waiting = spawn { try await far.receive(upTo: 9) }
            try await settle()
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            let late = spawn { try await far.receive(upTo: 9) }
            late.cancel()
            #expect(await late.result.isCancelled)
            for cancelsFirst in [true, false] {
                let racing = spawn { try await far.receive(upTo: 9) }
                try await settle()
                if cancelsFirst { racing.cancel() }
                try await near.send([1], descriptors: Self.copies(2))
                if !cancelsFirst { racing.cancel() }
                switch await racing.result {
                case .success(let message): #expect(message?.descriptors.count == 2)
                case .failure:
                    let message = try await far.receive(upTo: 9)
                    #expect(message?.descriptors.count == 2)
                }
            }
            let sender = spawn { try await near.send([1], descriptors: Self.copies(2)) }
            sender.cancel()
            #expect(await sender.result.isCancelled)
            #expect(near.bytesWritten == 2)
        }
    }

    @Test func `a second task is refused, and closing wakes who waits`() async throws {
        try await Self.withPair { near, far in
            let waiting = spawn { try await far.receive(upTo: 9) }
            try await settle()
            #expect(await ioCode { _ = try await far.receive(upTo: 9) } == .busy)
            #expect(await ioCode { _ = try await far.read(upTo: 9) } == .busy)
            await far.close()
            #expect(await waiting.result.ioCode == .closed)
            #expect(await ioCode { _ = try await far.receive(upTo: 9) } == .closed)
            let some = try Self.copies(1)
            #expect(await ioCode { try await far.send([1], descriptors: some) } == .closed)
            #expect(await ioCode { try await near.send([1], descriptors: some) } == .brokenPipe)
        }
    }

    @Test func `what nobody has received is closed with the stream, and the end is the end`()
        async throws
    {
        try await Self.withPair { near, far in
            let pipe = Self.makePipe()
            try await near.send([1], descriptors: [pipe.write])
            pipe.write.close()
            await far.close()
            var byte: UInt8 = 0
            #expect(pipe.read.withNumber { read($0, &byte, 1) } == 0)
            let (one, other) = try UnixStream.pair()
            await one.close()
            for _ in 0..<2 { #expect(try await other.receive(upTo: 9) == nil) }
            await other.close()
        }
    }

    @Test func `one that is closed or taken cannot be sent, and a taken one stays open`()
        async throws
    {
        try await Self.withPair { near, far in
            let closed = try OwnedDescriptor(duplicating: 2)
            closed.close()
            closed.close()
            #expect(closed.number == -1 && closed.take() == nil)
            #expect(
                await ioCode { try await near.send([1], descriptors: [closed]) } == .badDescriptor)
            let number: CInt
            do {
                let taken = try OwnedDescriptor(duplicating: 2)
                number = try #require(taken.take())
                #expect(taken.number == -1)
            }
            #expect(Self.isOpen(number))
            Glibc.close(number)
            #expect(await ioCode { _ = try OwnedDescriptor(duplicating: -1) } == .badDescriptor)
            try await near.send([2], descriptors: [])
            let message = try await far.receive(upTo: 9)
            #expect(message?.bytes == [2] && message?.descriptors.isEmpty == true)
        }
    }

    @Test(arguments: [ETOOMANYREFS, ENOBUFS, ECONNRESET])
    func `a failing call is told, and the next one goes on (I4)`(errno: CInt) async throws {
        try await Self.withPair { near, far in
            let some = try Self.copies(1)
            script_fail(SCRIPT_SENDMSG, 1, 1, errno)
            let expected: IOError.Code =
                errno == ECONNRESET ? .connectionReset : .resourcesExhausted
            #expect(await ioCode { try await near.send([1], descriptors: some) } == expected)
            script_fail(SCRIPT_SENDMSG, 1, 2, EINTR)
            try await near.send([2], descriptors: some)
            while far.socket.readiness.isDisjoint(with: .readable) { try await yield() }
            script_fail(SCRIPT_RECVMSG, 1, 1, ECONNRESET)
            #expect(await ioCode { _ = try await far.receive(upTo: 9) } == .connectionReset)
            script_fail(SCRIPT_RECVMSG, 1, 2, EINTR)
            let message = try await far.receive(upTo: 9)
            #expect(message?.bytes == [2] && message?.descriptors.count == 1)
        }
    }

    @Test func `calls from elsewhere are forwarded, and a stopped loop says so`() async throws {
        try await withLoops(2) { loops in
            let pair = try await loops[0].run { try UnixStream.pair() }
            try await pair.0.send([1], descriptors: Self.copies(2))
            let message = try await loops[1].run { try await pair.1.receive(upTo: 9) }
            #expect(message?.descriptors.count == 2)
            let waiting = loops[0].spawn { try await pair.1.receive(upTo: 9) }
            try await loops[0].run { try await settle() }
            try await loops[0].shutdown()
            let result = await waiting.result
            #expect(result.isCancelled || result.isStopped)
            await #expect(throws: EventLoopError.stopped) { try await pair.1.receive(upTo: 9) }
        }
    }
}
