import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Reads into memory of the loop's pool. What all streams promise is in StreamConformanceTests.
@Suite(.watched)
struct PooledReadTests {
    private static func array(_ bytes: PooledBytes?) -> [UInt8]? {
        bytes.map { Memory.array(of: $0.bytes) }
    }

    @Test func `one piece of memory serves all who do not keep it`() async throws {
        try await onLoop {
            try await withPair { near, far in
                for number in 0..<50 {
                    let sent = [UInt8](repeating: UInt8(number), count: number + 1)
                    try await near.write(sent)
                    let received = try await far.readPooled(upTo: 100)
                    #expect(Self.array(received) == sent)
                }
                #expect(currentLoop.core.bytePool.value.count == 1)
            }
        }
    }

    @Test func `what is kept does not change, and the pool is bounded`() async throws {
        try await onLoop {
            try await withPair { near, far in
                var kept: [PooledBytes] = []
                for number in 0..<40 {
                    try await near.write(pattern(5_000 + number))
                    // Room for all that a piece has: each takes one of its own.
                    let received = try await far.readPooled(upTo: BytePool.size)
                    kept.append(try #require(received))
                }
                #expect(kept.map { Self.array($0) } == (0..<40).map { pattern(5_000 + $0) })
                #expect(currentLoop.core.bytePool.value.count == BytePool.kept + 1)
                // What nobody looks at any more is used again.
                kept = []
                try await near.write("again")
                _ = try await far.readPooled(upTo: 9)
                #expect(currentLoop.core.bytePool.value.count == BytePool.kept + 1)
                // With some in use nothing more is received ahead, though others are free.
                while kept.count <= BytePool.ahead {
                    let isRoom = currentLoop.core.bytePool.value.roomAhead(for: 4_096) >= 4_096
                    #expect(isRoom)
                    try await near.write(pattern(5_000))
                    let received = try await far.readPooled(upTo: BytePool.size)
                    kept.append(try #require(received))
                }
                let isRoom = currentLoop.core.bytePool.value.roomAhead(for: BytePool.size) > 0
                #expect(!isRoom)
                #expect(kept.allSatisfy { Self.array($0) == pattern(5_000) })
            }
        }
    }

    @Test func `bytes may go to another thread, and end there`() async throws {
        try await onLoop {
            try await withPair { near, far in
                for number in 0..<20 {
                    try await near.write([UInt8(number), 7])
                    let received = try await far.readPooled(upTo: 9)
                    let bytes = try #require(received)
                    let there = try await onThread { Self.array(bytes) }
                    #expect(there == [UInt8(number), 7])
                }
            }
        }
    }

    @Test func `a read that waits has no memory, and one that is cancelled loses nothing`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.readPooled(upTo: 9) }
                try await settle()
                #expect(currentLoop.core.bytePool.value.count == 0)
                await #expect(throws: IOError.self) { _ = try await far.readPooled(upTo: 9) }
                reader.cancel()
                await #expect(throws: CancellationError.self) { _ = try await reader.value }
                try await near.write("abc")
                let received = try await far.readPooled(upTo: 2)
                #expect(Self.array(received) == Array("ab".utf8))
                await near.close()
                let last = try await far.readPooled(upTo: 100_000)
                #expect(Self.array(last) == Array("c".utf8))
                let end = try await far.readPooled(upTo: 100_000)
                #expect(end == nil)
            }
        }
    }

    @Test func `a read that cannot wait in the shortest way uses the pool, too`() async throws {
        try await onLoop {
            try await withPair { near, far in
                for round in 0..<300 {
                    // More operations than a job may do, in a task without a standing waiter.
                    async let received = Self.array(far.readPooled(upTo: 9))
                    try await settle(1)
                    try await near.write([UInt8(round % 256)])
                    let bytes = try await received
                    #expect(bytes == [UInt8(round % 256)])
                }
                try await near.write([UInt8](repeating: 1, count: 300))
                for _ in 0..<300 {
                    let received = try await far.readPooled(upTo: 1)
                    #expect(received?.count == 1)
                }
                #expect(currentLoop.core.bytePool.value.count == 1)
                let waiting = spawn { try await far.readPooled(upTo: 9) }
                try await settle()
                await far.close()
                await #expect(throws: IOError.self) { _ = try await waiting.value }
            }
        }
    }

    @Test func `no more than a piece is read, whatever is asked for`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let bytes = [UInt8](repeating: 5, count: 300_000)
                let writer = spawn { try await near.write(bytes) }
                var count = 0
                while count < bytes.count {
                    let received = try await far.readPooled(upTo: .max)
                    let part = try #require(received)
                    #expect(part.count <= BytePool.size)
                    count += part.count
                }
                try await writer.value
            }
        }
    }

    @Test func `on another loop, and in an actor of others, bytes come in memory of their own`()
        async throws
    {
        actor Reader {
            func read(_ stream: TCPStream) async throws -> [UInt8]? {
                try await PooledReadTests.array(stream.readPooled(upTo: 9))
            }
        }
        try await onLoop {
            try await withPair { near, far in
                try await near.write("abc")
                let here = try await Reader().read(far)
                #expect(here == Array("abc".utf8))
                try await near.write("def")
                let there = try await onThread {
                    try EventLoop.run { try await Self.array(far.readPooled(upTo: 9)) }
                }
                #expect(there == Array("def".utf8))
                let writer = spawn { try await near.write([UInt8](repeating: 6, count: 300_000)) }
                var count = 0
                while count < 300_000 {
                    let part = try await onThread {
                        try EventLoop.run { try await far.readPooled(upTo: 200_000)?.count ?? 0 }
                    }
                    #expect((1...BytePool.size).contains(part))
                    count += part
                }
                try await writer.value
            }
        }
    }
}
