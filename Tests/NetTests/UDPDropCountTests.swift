import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Datagrams that found no room in the kernel's buffer, counted: E6.
@Suite(.watched)
struct UDPDropCountTests {
    /// A receiver with little room.
    private static func makeSink(counts: Bool = true, coalesces: Bool = false) throws -> UDPSocket {
        var options = UDPSocket.Options()
        options.receiveBufferSize = 1
        options.countsDrops = counts
        options.coalescesReceived = coalesces
        return try UDPSocket.bind(to: .loopback(port: 0), options: options)
    }

    /// Receives what is there, of which the last one is empty.
    private static func drain(_ sink: UDPSocket) async throws -> Int {
        var count = 0
        while true {
            let batch = try await sink.receive(batch: 5, room: 10)
            count += batch.count
            if batch.last?.size == 0 { return count - 1 }
        }
    }

    @Test(arguments: [false, true])
    func `what was dropped is known when the next one comes (E6)`(coalesces: Bool) async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink(coalesces: coalesces)
            let sender = try UDPSocket.connect(to: sink.localAddress)
            var sent = 0
            var received = 0
            #expect(sink.datagramsDropped == 0)
            for round in 1...3 {
                let batch = Array(
                    repeating: Datagram([1, 2, 3], to: sink.localAddress), count: 100 * round)
                #expect(try await sender.send(batch: batch).sent == 100 * round)
                sent += batch.count
                // Those that are there came before anything was dropped in this round.
                let first = try await sink.receive()
                #expect(first.bytes == [1, 2, 3])
                received += 1
                #expect(sink.datagramsDropped <= sent - batch.count)
                while sink.socket.readiness.contains(.readable) {
                    let waiting = spawn { try await sink.receive(batch: 64) }
                    try await settle()
                    if !waiting.isFinished { waiting.cancel() }
                    received += (try? await waiting.value.count) ?? 0
                }
                try await sender.send([])
                #expect(try await Self.drain(sink) == 0)
                #expect(received < sent)
                #expect(sink.datagramsDropped == UInt64(sent - received))
            }
            await sender.close()
            await sink.close()
            #expect(sink.datagramsDropped == UInt64(sent - received))
        }
    }

    @Test func `joined ones are dropped as one`() async throws {
        try await onLoop {
            let sink = try Self.makeSink(coalesces: true)
            let sender = try UDPSocket.connect(to: sink.localAddress)
            // The kernel takes one message, whatever its size, into an empty buffer.
            let outcome = try await sender.send(pattern(4 * 64_800), segmentSize: 1_200)
            #expect(outcome.sent == 216)
            var received = 0
            while received < 54 { received += try await sink.receive(batch: 64).count }
            try await sender.send([])
            received += try await Self.drain(sink)
            #expect(received == 54 && sink.datagramsDropped == 3)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `without the option nothing is counted, and nothing asked for`() async throws {
        try await onScriptedLoop {
            let sink = try Self.makeSink(counts: false)
            let sender = try UDPSocket.connect(to: sink.localAddress)
            for _ in 0..<100 { try await sender.send([1]) }
            while sink.bytesReceived == 0 || sink.socket.readiness.contains(.readable) {
                let waiting = spawn { try await sink.receive(batch: 64) }
                try await settle()
                if !waiting.isFinished { waiting.cancel() }
                _ = await waiting.result
            }
            try await sender.send([])
            _ = try await Self.drain(sink)
            #expect(sink.bytesReceived < 100 && sink.datagramsDropped == 0)
            script_fail(SCRIPT_SETSOCKOPT, 1, 1, ENOPROTOOPT)
            #expect(await ioCode { _ = try Self.makeSink() } == .system)
            await sender.close()
            await sink.close()
        }
    }

    @Test func `the kernel's count goes on where it begins anew`() {
        let intake = DatagramIntake(coalesces: false)
        func dropped(at count: UInt32) -> UInt64 {
            intake.note(drops: count)
            return intake.dropped.value
        }
        #expect(dropped(at: 0) == 0)
        #expect(dropped(at: 7) == 7)
        #expect(dropped(at: 7) == 7)
        #expect(dropped(at: 0) == 7)
        #expect(dropped(at: 0x7FFF_FFFF) == 0x7FFF_FFFF)
        #expect(dropped(at: 0xFFFF_FFFE) == 0xFFFF_FFFE)
        #expect(dropped(at: 3) == 0x1_0000_0003)
        // Told late.
        #expect(dropped(at: 0xFFFF_FFFF) == 0x1_0000_0003)
        #expect(dropped(at: 2) == 0x1_0000_0003)
        #expect(dropped(at: 4) == 0x1_0000_0004)
    }
}
