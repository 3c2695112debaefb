import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Byte for byte, whatever the kernel does.
@Suite(.watched)
struct TransferTests {
    @Test(arguments: [ShortTransfers.Rule.oneByte, .oneByteOrNothing, .few])
    func `short transfers and early EAGAINs change no byte, in both directions (D5, S514)`(
        rule: ShortTransfers.Rule
    ) async throws {
        try await onScriptedLoop(rule.calls) {
            try await withPair { near, far in
                try await exchange(near, far, count: 3_000, seed: 7, maximum: 500)
            }
        }
    }

    @Test(arguments: 0..<8)
    func `random sizes in both directions at once arrive unchanged (S514, S439)`(
        seed: Int
    ) async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                far.shrinkBuffer()
                try await exchange(near, far, count: 400_000, seed: seed, maximum: 20_000)
            }
        }
    }

    @Test func `random sizes arrive unchanged between two loops (S514)`() async throws {
        let other = try EventLoop.start(name: "far", configuration: .quiet)
        try await onLoop {
            let listener = try await other.run { try TCPListener.bind(to: .loopback(port: 0)) }
            let server = other.spawn {
                let far = try await listener.accept()
                try await withBoth(
                    { try await sendAll(far, pattern(300_000), seed: 3, maximum: 9_000) },
                    { try await receiveAll(far, pattern(300_000), seed: 4, maximum: 9_000) })
                await far.close()
                await listener.close()
            }
            try await TCPStream.withConnection(to: listener.localAddress) { near in
                try await withBoth(
                    { try await sendAll(near, pattern(300_000), seed: 5, maximum: 9_000) },
                    { try await receiveAll(near, pattern(300_000), seed: 6, maximum: 9_000) })
            }
            try await server.value
        }
        try await other.shutdown()
    }
}

/// Sends and receives on both ends at once, in pieces of random sizes.
private func exchange(
    _ near: TCPStream, _ far: TCPStream, count: Int, seed: Int, maximum: Int
) async throws {
    let bytes = pattern(count)
    let tasks = [
        spawn { try await sendAll(near, bytes, seed: seed, maximum: maximum) },
        spawn { try await sendAll(far, bytes, seed: seed + 100, maximum: maximum) },
        spawn { try await receiveAll(near, bytes, seed: seed + 200, maximum: maximum) },
        spawn { try await receiveAll(far, bytes, seed: seed + 300, maximum: maximum) },
    ]
    _ = try await gather(tasks)
    #expect(near.bytesRead == UInt64(count) && near.bytesWritten == UInt64(count))
}

private func withBoth(
    _ first: @escaping @Sendable () async throws -> Void,
    _ second: @escaping @Sendable () async throws -> Void
) async throws {
    _ = try await gather([spawn(first), spawn(second)])
}

private func sendAll(_ stream: TCPStream, _ bytes: [UInt8], seed: Int, maximum: Int) async throws {
    var generator = SplitMix64(seed: seed)
    var sent = 0
    while sent < bytes.count {
        let size = min(generator.below(maximum) + 1, bytes.count - sent)
        try await stream.write(Array(bytes[sent..<sent + size]))
        sent += size
        if generator.below(8) == 0 { try await yield() }
    }
    try await stream.finishWriting()
}

private func receiveAll(
    _ stream: TCPStream, _ expected: [UInt8], seed: Int, maximum: Int
) async throws {
    var generator = SplitMix64(seed: seed)
    var received: [UInt8] = []
    while true {
        let size = generator.below(maximum) + 1
        guard let bytes = try await stream.read(upTo: size) else { break }
        #expect(!bytes.isEmpty && bytes.count <= size)
        received += bytes
        if generator.below(8) == 0 { try await yield() }
    }
    #expect(received == expected)
}
