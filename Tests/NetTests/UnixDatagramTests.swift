import AsyncCoreTestSupport
import AsyncCoreTesting
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Unix datagrams as they come and go: S572 to S581, E2 to E7, F4.
@Suite(.watched)
struct UnixDatagramTests {
    private static func name(_ what: String) -> UnixAddress { .abstract("\(what) \(getpid())") }

    /// Runs `body` with two sockets that have names which are free.
    private static func withTwo(
        _ body:
            @escaping @Sendable (
                _ one: UnixDatagramSocket, _ other: UnixDatagramSocket
            ) async throws -> Void
    ) async throws {
        try await onScriptedLoop {
            let one = try UnixDatagramSocket.bind(to: .unnamed)
            let other = try UnixDatagramSocket.bind(to: .unnamed)
            try await body(one, other)
            await one.close()
            await other.close()
        }
    }

    @Test func `a datagram arrives with its sender, and is answered (F4)`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                for address in [UnixAddress.path("\(folder)/s"), Self.name("asked"), .unnamed] {
                    let server = try UnixDatagramSocket.bind(to: address)
                    let client = try UnixDatagramSocket.bind(to: .unnamed)
                    if address != .unnamed { #expect(server.localAddress == address) }
                    // What the kernel chooses is an abstract name.
                    #expect(client.localAddress.kind == .abstract)
                    #expect(client.localAddress.description.count == 6)
                    #expect(client.peerAddress == nil)
                    let question = spawn { try await server.receive() }
                    try await settle()
                    #expect(!question.isFinished)
                    try await client.send(Array("who?".utf8), to: server.localAddress)
                    let asked = try await question.value
                    #expect(asked.bytes == Array("who?".utf8))
                    #expect(asked.address == client.localAddress && !asked.isTruncated)
                    try await server.send([1], to: asked.address)
                    let answer = try await client.receive()
                    #expect(answer == Datagram([1], to: server.localAddress))
                    #expect(client.bytesSent == 4 && client.bytesReceived == 1)
                    await server.close()
                    await client.close()
                }
            }
        }
    }

    @Test func `a sender without a name is unnamed, and cannot be answered (F4)`() async throws {
        try await Self.withTwo { one, other in
            let sender = try UnixDatagramSocket.unbound()
            #expect(sender.localAddress == .unnamed && sender.peerAddress == nil)
            try await sender.send([1], to: other.localAddress)
            let datagram = try await other.receive()
            #expect(datagram.address == .unnamed && "\(datagram.address)" == "(unnamed)")
            let error = await #expect(throws: IOError.self) {
                try await other.send([2], to: datagram.address)
            }
            #expect(error?.code == .invalidAddress)
            #expect(error?.detail == "the address has no name")
            await sender.close()
            await one.close()
        }
    }

    @Test func `a connected socket has one peer, and hears of nobody else`() async throws {
        try await Self.withTwo { server, stranger in
            let client = try UnixDatagramSocket.connect(to: server.localAddress, from: .unnamed)
            #expect(client.peerAddress == server.localAddress)
            try await client.send([1])
            #expect(try await server.receive().address == client.localAddress)
            let address = client.localAddress
            #expect(
                await ioCode { try await stranger.send([2], to: address) } == .permissionDenied)
            let other = await ioCode { _ = try UnixDatagramSocket.connect(to: address) }
            #expect(other == .permissionDenied)
            try await server.send([3], to: address)
            #expect(try await client.receive() == Datagram([3], to: server.localAddress))
            let silent = try UnixDatagramSocket.connect(to: server.localAddress)
            #expect(silent.localAddress == .unnamed)
            try await silent.send([4])
            #expect(try await server.receive() == Datagram([4], to: .unnamed))
            await client.close()
            await silent.close()
        }
    }

    @Test func `the ends of a pair know no names, and each other alone (F4)`() async throws {
        try await onScriptedLoop {
            let (one, other) = try UnixDatagramSocket.pair()
            #expect(one.localAddress == .unnamed && one.peerAddress == .unnamed)
            for round in 0..<3 {
                try await one.send([UInt8(round)])
                try await other.send([UInt8(round), 7])
                #expect(try await other.receive() == Datagram([UInt8(round)], to: .unnamed))
                #expect(try await one.receive().bytes == [UInt8(round), 7])
            }
            await one.close()
            await other.close()
            for (call, errno) in [(SCRIPT_SOCKETPAIR, EMFILE), (SCRIPT_EPOLL_CTL, ENOSPC)] {
                for nth in 1...(call == SCRIPT_EPOLL_CTL ? 2 : 1) {
                    script_fail(call, UInt64(nth), 1, errno)
                    let error = #expect(throws: IOError.self) { _ = try UnixDatagramSocket.pair() }
                    #expect(error?.errno == errno)
                }
            }
        }
    }

    @Test func `an empty datagram is one, and not the end (E4)`() async throws {
        try await onScriptedLoop {
            let (one, other) = try UnixDatagramSocket.pair()
            try await one.send([])
            try await one.send([1])
            let empty = try await other.receive()
            #expect(empty.bytes == [] && !empty.isTruncated)
            #expect(try await other.receive().bytes == [1])
            await one.close()
            await other.close()
        }
    }

    @Test func `what is cut is always seen to be (E3)`() async throws {
        try await onScriptedLoop {
            let (one, other) = try UnixDatagramSocket.pair()
            for room in [0, 1, 99, 100, 101] {
                try await one.send([UInt8](repeating: 7, count: 100))
                let datagram = try await other.receive(room: room)
                #expect(datagram.bytes.count == min(room, 100))
                #expect(datagram.size == 100)
                #expect(datagram.isTruncated == (room < 100))
            }
            await one.close()
            await other.close()
        }
    }

    @Test func `a datagram that is too big is an error, and does no harm (S575, E2)`() async throws
    {
        try await onScriptedLoop {
            var options = UnixDatagramSocket.Options()
            options.sendBufferSize = 65_536
            let other = try UnixDatagramSocket.bind(to: .unnamed)
            let one = try UnixDatagramSocket.connect(to: other.localAddress, options: options)
            let error = await #expect(throws: IOError.self) {
                try await one.send([UInt8](repeating: 0, count: 131_072))
            }
            #expect(error?.code == .messageTooLong && error?.errno == EMSGSIZE)
            #expect(error?.operation == "send 131072 bytes to \(other.localAddress)")
            // The kernel's limit is the buffer, less 32 bytes.
            let bytes = pattern(131_040)
            try await one.send(bytes)
            let whole = try await other.receive()
            #expect(whole.bytes == bytes && !whole.isTruncated)
            await one.close()
            await other.close()
        }
    }

    // MARK: - Who is gone

    @Test func `a name that nobody has is an error of that call alone (S572, S573)`() async throws {
        try await withFolder { folder in
            try await Self.withTwo { one, other in
                let path = UnixAddress.path("\(folder)/s")
                #expect(await ioCode { try await one.send([1], to: path) } == .notFound)
                #expect(await ioCode { _ = try UnixDatagramSocket.connect(to: path) } == .notFound)
                let abstract = Self.name("nobody")
                #expect(
                    await ioCode { try await one.send([1], to: abstract) } == .connectionRefused)
                var options = UnixDatagramSocket.Options()
                options.unlinksOnClose = false
                let dead = try UnixDatagramSocket.bind(to: path, options: options)
                await dead.close()
                #expect(await ioCode { try await one.send([1], to: path) } == .connectionRefused)
                #expect(
                    await ioCode { _ = try UnixDatagramSocket.connect(to: path) }
                        == .connectionRefused)
                let listener = try UnixListener.bind(to: path, existing: .replaceIfStale)
                let error = await #expect(throws: IOError.self) {
                    try await one.send([1], to: path)
                }
                #expect(error?.errno == EPROTOTYPE)
                await listener.close()
                try await one.send([2], to: other.localAddress)
                #expect(try await other.receive().bytes == [2])
            }
        }
    }

    @Test func `a peer that has gone refuses each send, and receiving goes on (S572)`() async throws
    {
        try await Self.withTwo { server, stranger in
            let client = try UnixDatagramSocket.connect(to: server.localAddress, from: .unnamed)
            let waiting = spawn { try await client.receive() }
            await server.close()
            for errno in [ECONNREFUSED, ENOTCONN, ENOTCONN] {
                let error = await #expect(throws: IOError.self) { try await client.send([1]) }
                #expect(error?.code == .connectionRefused && error?.errno == errno)
            }
            #expect(!waiting.isFinished)
            // It has no peer any more, and hears of everybody.
            try await stranger.send([2], to: client.localAddress)
            #expect(try await waiting.value.bytes == [2])
            await client.close()
        }
    }

    @Test func `a peer that turns to another is told once, and keeps no loop busy (S572, S578)`()
        async throws
    {
        try await Self.withTwo { third, _ in
            let (one, other) = try UnixDatagramSocket.pair()
            try await one.send([1])
            var raw = third.localAddress.raw
            let turned = unsafe withUnsafePointer(to: &raw.storage) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(other.socket.descriptor, $0, raw.length)
                }
            }
            #expect(turned == 0)
            try await settle()
            let before = currentLoop.statistics.turns
            try await sleep(for: .milliseconds(5))
            #expect(currentLoop.statistics.turns - before < 50)
            #expect(await ioCode { _ = try await one.receive() } == .connectionReset)
            let waiting = spawn { try await one.receive() }
            try await settle()
            #expect(!waiting.isFinished)
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            await one.close()
            await other.close()
        }
    }

    @Test(arguments: [ENOBUFS, ENOMEM, EACCES])
    func `errors of the kernel are told, once each (I4)`(errno: CInt) async throws {
        try await Self.withTwo { one, other in
            script_fail(SCRIPT_SENDMMSG, 1, 1, errno)
            let code = await ioCode { try await one.send([1], to: other.localAddress) }
            #expect(code == (errno == EACCES ? .permissionDenied : .resourcesExhausted))
            script_fail(SCRIPT_SENDMMSG, 1, 2, EINTR)
            try await one.send([2], to: other.localAddress)
            while !other.socket.mayReceive { try await yield() }
            script_fail(SCRIPT_RECVMMSG, 1, 1, errno)
            #expect(await ioCode { _ = try await other.receive() } == code)
            script_fail(SCRIPT_RECVMMSG, 1, 2, EINTR)
            #expect(try await other.receive().bytes == [2])
        }
    }

    // MARK: - Batches

    @Test func `a batch arrives in order, each with its sender (S581)`() async throws {
        try await Self.withTwo { one, other in
            let third = try UnixDatagramSocket.bind(to: .unnamed)
            let batch = (0..<100).map { Datagram([UInt8($0)], to: other.localAddress) }
            let sending = spawn {
                let outcome = try await one.send(batch: batch)
                #expect(outcome.sent == 100 && outcome.failures.isEmpty)
                try await third.send([200], to: other.localAddress)
            }
            var received: [Datagram<UnixAddress>] = []
            while received.count < 101 { received += try await other.receive(batch: 200, room: 16) }
            try await sending.value
            #expect(received.dropLast().map(\.bytes) == (0..<100).map { [$0] })
            #expect(received.dropLast().allSatisfy { $0.address == one.localAddress })
            #expect(received.last?.address == third.localAddress)
            await third.close()
        }
    }

    @Test func `one that cannot be sent does not keep back the others (S573, E7)`() async throws {
        try await Self.withTwo { one, other in
            let address = other.localAddress
            let outcome = try await one.send(batch: [
                Datagram([0], to: address),
                Datagram([9], to: .unnamed),
                Datagram([9], to: Self.name("nobody here")),
                Datagram([1], to: address),
                Datagram([UInt8](repeating: 9, count: 1 << 20), to: address),
                Datagram([2], to: address),
                Datagram([9], to: .abstract(String(repeating: "x", count: 108))),
            ])
            #expect(outcome.sent == 3)
            #expect(outcome.failures.map(\.index) == [1, 2, 4, 6])
            #expect(
                outcome.failures.map(\.error.code) == [
                    .invalidAddress, .connectionRefused, .messageTooLong, .invalidAddress,
                ])
            let arrived = try await other.receive(batch: 64, room: 16)
            #expect(arrived.map(\.bytes) == [[0], [1], [2]])
        }
    }

    @Test func `a batch with much room comes in parts, and none is lost`() async throws {
        try await onScriptedLoop {
            let (one, other) = try UnixDatagramSocket.pair()
            for byte in 0..<40 { try await one.send([UInt8(byte)]) }
            var parts: [Int] = []
            var bytes: [UInt8] = []
            while bytes.count < 40 {
                let part = try await other.receive(batch: 64, room: 1 << 19)
                parts.append(part.count)
                bytes += part.flatMap(\.bytes)
            }
            #expect(bytes == Array(0..<40))
            #expect(parts == [8, 8, 8, 8, 8])
            try await one.send([7])
            #expect(try await other.receive(room: 8 << 20).bytes == [7])
            await one.close()
            await other.close()
        }
    }
}
