import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Receives that the loop does for tasks that wait to read, before they go on.
@Suite(.watched)
struct PendingReceiveTests {
    /// The reads that wait in the shortest way.
    enum Form: CaseIterable {
        case array, span, pooled

        /// What is there, as an array.
        func read(_ stream: TCPStream, upTo count: Int = 9) async throws -> [UInt8]? {
            switch self {
            case .array: return try await stream.read(upTo: count)
            case .pooled:
                return try await stream.readPooled(upTo: count).map { Memory.array(of: $0.bytes) }
            case .span:
                var memory = [UInt8](repeating: 0, count: count)
                var span = memory.mutableSpan
                var bytes = span.mutableBytes
                return try await stream.read(into: &bytes).map { Array(memory[..<$0]) }
            }
        }
    }

    private static let x = Array("x".utf8)

    @Test(arguments: Form.allCases)
    func `the loop receives for all readers before the first of them goes on`(_ form: Form)
        async throws
    {
        try await onScriptedLoop {
            var pairs: [(near: TCPStream, far: TCPStream)] = []
            for _ in 0..<5 { pairs.append(try await makePair()) }
            let before = script_count(SCRIPT_RECV)
            let readers = pairs.map { pair in
                spawn { (try await form.read(pair.far), script_count(SCRIPT_RECV)) }
            }
            try await settle()
            // Each has seen that there is nothing, but those who knew it.
            let asked = script_count(SCRIPT_RECV)
            #expect(asked - before <= 5)
            for (number, pair) in pairs.enumerated() { try await pair.near.write([UInt8(number)]) }
            for (number, reader) in readers.enumerated() {
                let (bytes, calls) = try await reader.value
                #expect(bytes == [UInt8(number)])
                #expect(calls == asked + 5)
            }
            for pair in pairs {
                #expect(pair.far.bytesRead == 1)
                await pair.near.close()
                await pair.far.close()
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `a reader that is cancelled after the receive has its bytes (S446)`(_ form: Form)
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                try await near.write("x")
                try await far.untilReadable()
                #expect(far.hasReceived && far.bytesRead == 0)
                reader.cancel()
                let bytes = try await reader.value
                #expect(bytes == Self.x)
                #expect(!far.hasReceived && far.bytesRead == 1)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func
        `nothing is received for a reader that has been cancelled, nor for the next one in its stead`(
            _ form: Form
        ) async throws
    {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                reader.cancel()
                #expect(await reader.result.isCancelled)
                // A child task waits in another way, and receives itself.
                async let child = form.read(far)
                try await settle()
                try await near.write("x")
                try await far.untilReadable()
                #expect(!far.hasReceived)
                let bytes = try await child
                #expect(bytes == Self.x)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `a byte that comes with a cancellation is the next reader's`(_ form: Form) async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                try await near.write("x")
                reader.cancel()
                // The event is there before the reader goes on.
                #expect(!far.socket.watch.becameReady(.readable))
                #expect(await reader.result.isCancelled)
                #expect(!far.hasReceived)
                let bytes = try await form.read(far)
                #expect(bytes == Self.x)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `the end is received like bytes, and comes after them`(_ form: Form) async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn {
                    var all: [[UInt8]?] = []
                    for _ in 0..<3 { all.append(try await form.read(far)) }
                    return all
                }
                try await settle()
                try await near.write("x")
                await near.close()
                let all = try await reader.value
                #expect(all == [Self.x, nil, nil])
            }
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                try await near.finishWriting()
                try await far.untilReadable()
                #expect(far.hasReceived)
                let end = try await reader.value
                #expect(end == nil)
                let again = try await form.read(far)
                #expect(again == nil)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `a reset is received like bytes, and told once (S458)`(_ form: Form) async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                await near.reset()
                try await far.untilReadable()
                #expect(far.hasReceived)
                #expect(await reader.result.ioCode == .connectionReset)
                let end = try await form.read(far)
                #expect(end == nil)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `an error that is not the connection's end is told, and reading goes on`(_ form: Form)
        async throws
    {
        try await onScriptedLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                script_fail(SCRIPT_RECV, 1, 1, ENOMEM)
                try await near.write("x")
                let result = await reader.result
                #expect(throws: IOError.self) { _ = try result.get() }
                let bytes = try await form.read(far)
                #expect(bytes == Self.x)
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `a report after which there is nothing wakes nobody for good`(_ form: Form) async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                let reader = spawn { try await form.read(far) }
                try await settle()
                script_fail(SCRIPT_RECV, 1, 1, EAGAIN)
                try await near.write("x")
                try await settle()
                #expect(!reader.isFinished && !far.hasReceived)
                try await near.write("y")
                let bytes = try await reader.value
                #expect(bytes == Array("xy".utf8))
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `who reads much receives itself, until there is little again`(_ form: Form) async throws {
        try await onLoop {
            try await withPair { near, far in
                for (count, received) in [(10, true), (5_000, true), (10, false), (10, true)] {
                    let reader = spawn { try await form.read(far, upTo: 6_000) }
                    try await settle()
                    try await near.write(pattern(count))
                    try await far.untilReadable()
                    #expect(far.hasReceived == received, "\(count) bytes")
                    let bytes = try await reader.value
                    #expect(bytes == pattern(count))
                }
            }
        }
    }

    @Test(arguments: Form.allCases)
    func `more than the pool gives away ahead is read all the same`(_ form: Form) async throws {
        try await onLoop {
            var pairs: [(near: TCPStream, far: TCPStream)] = []
            for _ in 0..<120 { pairs.append(try await makePair()) }
            let readers = pairs.map { pair in spawn { try await form.read(pair.far, upTo: 4_096) } }
            try await settle()
            for (number, pair) in pairs.enumerated() {
                try await pair.near.write(Array(pattern(4_096 + number)[number...]))
            }
            for (number, reader) in readers.enumerated() {
                let bytes = try await reader.value
                #expect(bytes == Array(pattern(4_096 + number)[number...]))
            }
            #expect(currentLoop.core.bytePool.value.count <= BytePool.kept + 1)
            for pair in pairs {
                await pair.near.close()
                await pair.far.close()
            }
        }
    }

    @Test func `with less room in the pool than a message takes, it comes in two parts`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                // All pieces but the rest of one are in use.
                var kept: [PooledBytes] = []
                while kept.count < (BytePool.ahead + 1) * 16 - 1 {
                    try await near.write(pattern(4_000))
                    let bytes = try await far.readPooled(upTo: 4_096)
                    kept.append(try #require(bytes))
                }
                let reader = spawn { try await Form.pooled.read(far, upTo: 6_000) }
                try await settle()
                try await near.write(pattern(6_000))
                try await far.untilReadable()
                #expect(far.hasReceived)
                var all = try await reader.value ?? []
                // Each of those takes 63 lines of 64 bytes.
                try #require(all.count == BytePool.size - 15 * 4_032)
                all += try await Form.array.read(far, upTo: 6_000) ?? []
                #expect(all == pattern(6_000))
                #expect(kept.allSatisfy { Memory.array(of: $0.bytes) == pattern(4_000) })
            }
        }
    }

    @Test func `readers share a piece of the pool, and none sees another's bytes`() async throws {
        try await onLoop {
            var pairs: [(near: TCPStream, far: TCPStream)] = []
            for _ in 0..<40 { pairs.append(try await makePair()) }
            for round in 0..<5 {
                let readers = pairs.map { pair in
                    spawn { try await pair.far.readPooled(upTo: 100) }
                }
                try await settle()
                for (number, pair) in pairs.enumerated() {
                    try await pair.near.write(pattern(number + round + 1))
                }
                var kept: [PooledBytes] = []
                for reader in readers { kept.append(try #require(try await reader.value)) }
                for (number, bytes) in kept.enumerated() {
                    #expect(Memory.array(of: bytes.bytes) == pattern(number + round + 1))
                }
            }
            #expect(currentLoop.core.bytePool.value.count <= 2)
            for pair in pairs {
                await pair.near.close()
                await pair.far.close()
            }
        }
    }

    @Test func `a loop that ends lets its reader have what was received`() async throws {
        let bytes = Recorder<[UInt8]?>()
        try await onLoop {
            let (near, far) = try await makePair()
            spawn { bytes.append(try await far.read(upTo: 9)) }
            try await settle()
            try await near.write("x")
            try await far.untilReadable()
            #expect(far.hasReceived)
        }
        #expect(bytes.elements == [Self.x])
    }

    @Test(arguments: 0..<20)
    func `all forms, sizes and cancellations by turns: exact to the byte`(_ seed: Int)
        async throws
    {
        try await onLoop {
            var random = SplitMix64(seed: seed)
            try await withPair { near, far in
                let all = pattern(60_000)
                let writer = spawn {
                    var random = SplitMix64(seed: seed + 1_000)
                    var place = 0
                    while place < all.count {
                        let sizes = [1, 9, 60, 700, 5_000]
                        let end = min(all.count, place + 1 + random.below(sizes[random.below(5)]))
                        try await near.write(Array(all[place..<end]))
                        place = end
                        try await settle(random.below(4))
                    }
                    try await near.finishWriting()
                }
                var read: [UInt8] = []
                while true {
                    let form = Form.allCases[random.below(3)]
                    let count = [1, 64, 100, 4_096, 70_000][random.below(5)]
                    let reader = spawn { try await form.read(far, upTo: count) }
                    if random.below(3) == 0 {
                        try await settle(random.below(3))
                        reader.cancel()
                    }
                    let result = await reader.result
                    if result.isCancelled { continue }
                    guard let bytes = try result.get() else { break }
                    read += bytes
                }
                try await writer.value
                #expect(read == all)
                #expect(far.bytesRead == 60_000)
            }
        }
    }
}
