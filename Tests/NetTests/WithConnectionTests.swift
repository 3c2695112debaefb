import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// `withConnection`: what the body returns or throws comes out, and the connection is closed.
@Suite(.watched)
struct WithConnectionTests {
    private struct Large: Equatable {
        var words: InlineArray<40, Int>

        static func == (one: Large, other: Large) -> Bool {
            one.words.indices.allSatisfy { one.words[$0] == other.words[$0] }
        }
    }

    private struct Failure: Error {}

    /// Sends a value through the bodies of two connections, one within the other, that wait.
    private static func carry<Value: Equatable>(_ value: Value) async throws {
        let (near, far) = try UnixStream.pair()
        let listener = try TCPListener.bind(to: .loopback(port: 0))
        let tcp = try await TCPStream.connect(to: listener.localAddress)
        let accepted = try await listener.accept()
        let carried = try await near.withConnection { near in
            let inner = try await tcp.withConnection { tcp in
                try await accepted.write([1])
                _ = try await tcp.read(upTo: 1)
                return (value, [value])
            }
            try await far.write([2])
            #expect(try await near.read(upTo: 1) == [2])
            return inner
        }
        #expect(carried.0 == value)
        #expect(carried.1 == [value])
        for stream in [near, tcp] as [SocketStream] {
            await #expect(throws: IOError.self) { try await stream.write([1]) }
        }
        for stream in [far, accepted] as [SocketStream] { await stream.close() }
        await listener.close()
    }

    @Test func `values of every size come out`() async throws {
        try await onLoop {
            try await Self.carry(1)
            try await Self.carry("a text that is too long to be kept in its own sixteen bytes")
            try await Self.carry([UInt8](repeating: 1, count: 1_000))
            try await Self.carry(Large(words: InlineArray(repeating: 7)))
            try await Self.carry(UInt8?.none)
        }
    }

    @Test func `an error comes out, and the connection is closed`() async throws {
        try await onLoop {
            let (near, far) = try UnixStream.pair()
            await #expect(throws: Failure.self) {
                try await near.withConnection { stream -> [Int] in
                    try await yield()
                    throw Failure()
                }
            }
            #expect(try await far.read(upTo: 1) == nil)
            await far.close()
        }
    }

    @Test func `a cancellation ends each wait of the body, and the connection is closed`()
        async throws
    {
        try await onLoop {
            let (near, far) = try UnixStream.pair()
            let ended = Recorder<String>()
            let task = spawn {
                try await near.withConnection { stream -> String in
                    for _ in 0..<3 {
                        do {
                            _ = try await stream.read(upTo: 1)
                        } catch is CancellationError {
                            ended.append("read")
                        }
                    }
                    return "over"
                }
            }
            try await settle()
            task.cancel()
            #expect(try await task.value == "over")
            #expect(ended.elements == ["read", "read", "read"])
            #expect(try await far.read(upTo: 1) == nil)
            await far.close()
        }
    }
}
