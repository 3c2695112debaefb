import AsyncCoreTestSupport
import AsyncCoreTesting
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Waiting for Unix datagrams, and for room for them.
@Suite(.watched)
struct UnixDatagramWaitTests {
    typealias Socket = UnixDatagramSocket

    /// How a sender that waits is connected with the receiver.
    enum Form: CaseIterable {
        case unconnected, connected, pair

        /// A sender, and the receiver.
        func make() throws -> (sender: Socket, sink: Socket) {
            if self == .pair { return try Socket.pair() }
            let sink = try Socket.bind(to: .unnamed)
            let sender =
                self == .connected
                ? try Socket.connect(to: sink.localAddress) : try Socket.unbound()
            return (sender, sink)
        }
    }

    /// Sends one byte, in whichever form.
    private static func send(
        _ byte: UInt8, _ sender: Socket, _ sink: Socket
    ) async throws {
        if sender.peerAddress == nil {
            try await sender.send([byte], to: sink.localAddress)
        } else {
            try await sender.send([byte])
        }
    }

    /// Sends until the sender has to wait, and goes on to wait.
    private static func fill(
        _ sender: Socket, _ sink: Socket
    ) async throws -> TaskHandle<Void, any Error> {
        let filling = spawn { while true { try await send(0, sender, sink) } }
        try await untilFull(sender)
        return filling
    }

    /// Waits until a task that sends has found no room.
    private static func untilFull(_ sender: Socket) async throws {
        // What is known at first comes with the first look at the kernel.
        try await settle()
        while sender.socket.readiness.contains(.writable) { try await yield() }
    }

    @Test(arguments: Form.allCases)
    func `a sender waits while the queue is full, and none is lost nor overtaken`(
        form: Form
    ) async throws {
        try await onScriptedLoop {
            let (sender, sink) = try form.make()
            let sending = spawn {
                for number in 0..<1_000 { try await Self.send(UInt8(number % 251), sender, sink) }
            }
            try await Self.untilFull(sender)
            #expect(!sending.isFinished)
            var bytes: [UInt8] = []
            for try await datagram in sink {
                bytes += datagram.bytes
                if bytes.count == 1_000 { break }
            }
            try await sending.value
            #expect(bytes == (0..<1_000).map { UInt8($0 % 251) })
            await sender.close()
            await sink.close()
        }
    }

    @Test func `a queue that others have filled is looked at again and again`() async throws {
        try await withVirtualTime {
            let (other, sink) = try Form.unconnected.make()
            let filling = try await Self.fill(other, sink)
            filling.cancel()
            #expect(await filling.result.isCancelled)
            let late = try Socket.unbound()
            let sending = spawn { try await Self.send(1, late, sink) }
            let turns = currentLoop.statistics.turns
            try await sleep(for: .seconds(10))
            // Every 50 ms, but for the first few times; a turn or two for each look.
            let passed = currentLoop.statistics.turns - turns
            #expect(passed > 200 && passed < 1_000)
            #expect(!sending.isFinished)
            let before = VirtualTime.now
            let queued = Int(other.bytesSent)
            for _ in 0..<queued { #expect(try await sink.receive().bytes == [0]) }
            #expect(try await sink.receive().bytes == [1])
            try await sending.value
            #expect(VirtualTime.now - before <= .milliseconds(50))
            for socket in [other, late, sink] { await socket.close() }
        }
    }

    @Test func `a sender whose own buffer is full goes on as soon as something is taken`()
        async throws
    {
        try await withVirtualTime {
            var options = Socket.Options()
            options.sendBufferSize = 8_192
            let sender = try Socket.unbound(options: options)
            let sink = try Socket.bind(to: .unnamed)
            let sending = spawn {
                for _ in 0..<5 {
                    try await sender.send(
                        [UInt8](repeating: 1, count: 4_000), to: sink.localAddress)
                }
            }
            try await Self.untilFull(sender)
            // Fewer than the receiver's queue holds, so it is the sender's buffer.
            let queued = Int(sender.bytesSent) / 4_000
            #expect(queued >= 1 && queued < 5)
            let before = VirtualTime.now
            for _ in 0..<queued { #expect(try await sink.receive().size == 4_000) }
            for _ in queued..<5 { #expect(try await sink.receive().size == 4_000) }
            try await sending.value
            #expect(VirtualTime.now == before)
            for socket in [sender, sink] { await socket.close() }
        }
    }

    @Test func `a connected sender is told when there is room, whoever filled the queue`()
        async throws
    {
        try await withVirtualTime {
            let (other, sink) = try Form.unconnected.make()
            let filling = try await Self.fill(other, sink)
            filling.cancel()
            #expect(await filling.result.isCancelled)
            let late = try Socket.connect(to: sink.localAddress)
            let sending = spawn { try await Self.send(1, late, sink) }
            try await Self.untilFull(late)
            let before = VirtualTime.now
            let queued = Int(other.bytesSent)
            for _ in 0..<queued { #expect(try await sink.receive().bytes == [0]) }
            #expect(try await sink.receive().bytes == [1])
            try await sending.value
            #expect(VirtualTime.now == before)
            for socket in [other, late, sink] { await socket.close() }
        }
    }

    @Test func `a receive is cancelled before it begins, and while it lasts; nothing is lost`()
        async throws
    {
        try await onScriptedLoop {
            let (one, other) = try Socket.pair()
            let waiting = spawn { try await other.receive() }
            try await settle()
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            try await one.send([1])
            let late = spawn { try await other.receive() }
            late.cancel()
            #expect(await late.result.isCancelled)
            #expect(try await other.receive().bytes == [1])
            for cancelsFirst in [true, false] {
                let racing = spawn { try await other.receive() }
                try await settle()
                if cancelsFirst { racing.cancel() }
                try await one.send([2])
                if !cancelsFirst { racing.cancel() }
                // Received by the one or by the other, and by nobody twice.
                if case .failure = await racing.result {
                    #expect(try await other.receive().bytes == [2])
                }
            }
            await one.close()
            await other.close()
        }
    }

    @Test(arguments: Form.allCases)
    func `a send is cancelled before it begins, and while it waits; then it was not sent`(
        form: Form
    ) async throws {
        try await onScriptedLoop {
            let (sender, sink) = try form.make()
            let early = spawn { try await Self.send(9, sender, sink) }
            early.cancel()
            #expect(await early.result.isCancelled)
            #expect(sender.bytesSent == 0)
            let filling = try await Self.fill(sender, sink)
            filling.cancel()
            #expect(await filling.result.isCancelled)
            let queued = sender.bytesSent
            // There is room, and then the sender is cancelled: sent or not, but told rightly.
            let racing = spawn { try await Self.send(1, sender, sink) }
            try await settle()
            #expect(!racing.isFinished)
            for _ in 0..<queued { #expect(try await sink.receive().bytes == [0]) }
            racing.cancel()
            let wasCancelled = await racing.result.isCancelled
            #expect(sender.bytesSent == queued + (wasCancelled ? 0 : 1))
            try await Self.send(2, sender, sink)
            if !wasCancelled { #expect(try await sink.receive().bytes == [1]) }
            #expect(try await sink.receive().bytes == [2])
            await sender.close()
            await sink.close()
        }
    }

    @Test func `closing wakes a receiver, a second one is refused, and a sequence ends`()
        async throws
    {
        try await onScriptedLoop {
            let (one, other) = try Socket.pair()
            let first = spawn { try await other.receive() }
            try await settle()
            #expect(await ioCode { _ = try await other.receive() } == .busy)
            #expect(await ioCode { _ = try await other.receive(batch: 2) } == .busy)
            await other.close()
            await other.close()
            #expect(await first.result.ioCode == .closed)
            #expect(await ioCode { _ = try await other.receive() } == .closed)
            #expect(await ioCode { try await other.send([1]) } == .closed)
            let sink = try Socket.bind(to: .unnamed)
            let all = spawn {
                var bytes: [UInt8] = []
                for try await datagram in sink { bytes += datagram.bytes }
                return bytes
            }
            try await settle()
            let sender = try Socket.connect(to: sink.localAddress)
            for byte in 1...3 { try await sender.send([UInt8(byte)]) }
            while sink.bytesReceived < 3 { try await yield() }
            await sink.close()
            #expect(try await all.value == [1, 2, 3])
            await sender.close()
            await one.close()
        }
    }

    @Test func `a socket may be closed by the one that has just received (S577)`() async throws {
        try await onScriptedLoop {
            let (one, other) = try Socket.pair()
            for byte in 1...3 { try await one.send([UInt8(byte)]) }
            var bytes: [UInt8] = []
            for try await datagram in other {
                bytes += datagram.bytes
                await other.close()
            }
            #expect(bytes == [1])
            await one.close()
        }
    }

    @Test(arguments: Form.allCases)
    func `closing wakes a sender that waits, and a second one is refused`(form: Form) async throws {
        try await onScriptedLoop {
            let (sender, sink) = try form.make()
            let filling = try await Self.fill(sender, sink)
            #expect(await ioCode { try await Self.send(1, sender, sink) } == .busy)
            await sender.close()
            #expect(await filling.result.ioCode == .closed)
            #expect(await ioCode { try await Self.send(1, sender, sink) } == .closed)
            // What was sent stays.
            #expect(try await sink.receive(batch: 4).count == 4)
            await sink.close()
        }
    }

    @Test(arguments: Form.allCases)
    func `a receiver that goes ends the wait of its senders`(form: Form) async throws {
        try await onScriptedLoop {
            let (sender, sink) = try form.make()
            let filling = try await Self.fill(sender, sink)
            await sink.close()
            #expect(await filling.result.ioCode == .connectionRefused)
            await sender.close()
        }
    }

    @Test(arguments: Form.allCases)
    func `a loop that stops wakes who waits; calls from elsewhere are forwarded (I11)`(
        form: Form
    ) async throws {
        try await withLoops(2) { loops in
            let (sender, sink) = try await loops[0].run { try form.make() }
            try await Self.send(1, sender, sink)
            #expect(try await sink.receive().bytes == [1])
            try await loops[1].run { try await Self.send(2, sender, sink) }
            #expect(try await loops[1].run { try await sink.receive(batch: 2) }.count == 1)
            let empty = try await loops[0].run { try Socket.bind(to: .unnamed) }
            let receiving = loops[0].spawn { try await empty.receive() }
            let unknown = try await loops[0].run {
                let unknown = startUnknownTask {
                    while true { try await Self.send(0, sender, sink) }
                }
                try await Self.untilFull(sender)
                return unknown
            }
            try await loops[0].shutdown()
            for result in [await receiving.result.map { _ in }, await unknown.result] {
                #expect(result.isCancelled || result.isStopped)
            }
            await #expect(throws: EventLoopError.stopped) { try await empty.receive() }
            await #expect(throws: EventLoopError.stopped) {
                try await Self.send(3, sender, sink)
            }
            for socket in [sender, sink, empty] { await socket.close() }
        }
    }

    @Test func `a flood does not keep timers and other tasks waiting (E6)`() async throws {
        try await onScriptedLoop {
            let (one, sink) = try Form.connected.make()
            let quiet = try Socket.pair()
            let flood = spawn {
                let batch = (0..<64).map { _ in Datagram([0], to: sink.localAddress) }
                while true { try await one.send(batch: batch) }
            }
            let drain = spawn { while true { _ = try await sink.receive(batch: 64, room: 16) } }
            for _ in 0..<20 { try await sleep(for: .microseconds(100)) }
            try await quiet.0.send([1])
            #expect(try await quiet.1.receive().bytes == [1])
            flood.cancel()
            drain.cancel()
            _ = await (flood.result, drain.result)
            for socket in [one, sink, quiet.0, quiet.1] { await socket.close() }
        }
    }
}
