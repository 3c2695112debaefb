import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// Nobody starves: not behind a fast peer, nor behind many.
@Suite(.watched)
struct FairnessTests {
    /// A peer that always takes all, and always has more.
    private static let endless = SystemCalls.scripted {
        $0.send = { _, _, count, _ in count }
        $0.recv = { _, _, count, _ in count }
    }

    @Test
    func `more ready connections than fit into a batch are all served, and timers run (A18)`()
        async throws
    {
        try await onLoop {
            let pairs = try await makePairs(400)
            let readers = pairs.map { pair in spawn { try await pair.far.read(upTo: 9) } }
            try await settle()
            for pair in pairs { try await pair.near.write("x") }
            let turns = currentLoop.statistics.turns
            let timer = spawn { try await sleep(for: .nanoseconds(1)) }
            _ = try await gather(
                readers + [
                    spawn {
                        try await timer.value; return nil
                    }
                ])
            #expect(currentLoop.statistics.turns - turns <= 80)
            for pair in pairs {
                await pair.near.close()
                await pair.far.close()
            }
        }
    }

    @Test
    func `a burst of connections leaves turns to others: at most 64 in a row (C8)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var clients: [TCPStream] = []
            for _ in 0..<300 {
                clients.append(try await TCPStream.connect(to: listener.localAddress))
            }
            try await settle()
            let served = Recorder<TCPStream>()
            let mostInARow = spawn {
                var most = 0
                while served.count < 300 {
                    let before = served.count
                    try await yield()
                    most = max(most, served.count - before)
                }
                return most
            }
            for _ in 0..<300 { served.append(try await listener.accept()) }
            let most = try await mostInARow.value
            #expect(most <= 64)
            for stream in served.elements + clients { await stream.close() }
            await listener.close()
        }
    }

    @Test func `a fast peer leaves turns to others: one for every 256 KiB (D19)`() async throws {
        try await onScriptedLoop(Self.endless) {
            let (near, far) = try await makePair()
            var turns = currentLoop.statistics.turns
            for _ in 0..<100 { try await near.write(pattern(65_536)) }
            #expect(currentLoop.statistics.turns - turns >= 100 * 65_536 / 262_144 - 1)

            // One byte past the table, so that there is something to tell of.
            var byte: UInt8 = 0
            #expect(cel_sys_default().pointee.send(near.descriptor, &byte, 1, 0) == 1)
            try await far.untilReadable()
            turns = currentLoop.statistics.turns
            for _ in 0..<100 { _ = try await far.read(upTo: 65_536) }
            #expect(currentLoop.statistics.turns - turns >= far.bytesRead / 262_144 - 1)
            await near.close()
            await far.close()
        }
    }

    @Test func `many small reads leave turns to others (D19)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.write(pattern(60_000))
                try await far.untilReadable()
                let turns = currentLoop.statistics.turns
                for _ in 0..<10_000 { _ = try await far.read(upTo: 1) }
                // One turn for every 128 operations.
                #expect(currentLoop.statistics.turns - turns >= 10_000 / 128 - 1)
            }
        }
    }
}
