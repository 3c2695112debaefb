// Checks of what comes out, and of the end.
internal import AsyncCore

extension ByteStreamCheck {
    // SAFETY: the bytes of an array of bytes are all initialised; the language calls a raw view of
    // any span unsafe.

    nonisolated(nonsending) func checkBytes() async throws {
        try await check("nothing is read or written at once (S489, S506, D7)") { pair, promise in
            try await pair.near.write([])
            try await pair.near.write(contentsOf: [[], []])
            let first = try await pair.far.read(upTo: 0)
            expect(first == [], promise, "a read of no bytes gives \(String(describing: first))")
            try await pair.near.write([7])
            let second = try await pair.far.read(upTo: 9)
            expect(second == [7], promise, "then one byte gives \(String(describing: second))")
        }
        try await check("bytes that come one by one are exact (S490, D5)") { pair, promise in
            let bytes = Self.bytes(300)
            let near = pair.near
            let writer = spawn {
                for byte in bytes { try await near.write([byte]) }
                try await near.finishWriting()
            }
            let received = try await Self.readAll(pair.far, chunk: 1)
            try await writer.value
            expect(
                received == bytes, promise, "\(received.count) of \(bytes.count) bytes, or others")
        }
        try await check("both directions at once, in portions of any size (S439, S514)") {
            pair, promise in
            let forth = Self.bytes(min(500_000, 40 * limit), seed: 2)
            let back = Self.bytes(min(300_000, 30 * limit), seed: 3)
            let writers = [
                spawn { try await Self.write(forth, to: pair.near, seed: 4) },
                spawn { try await Self.write(back, to: pair.far, seed: 5) },
            ]
            let reader = spawn { try await Self.readAll(pair.near, chunk: 777) }
            let there = try await Self.readAll(pair.far)
            let here = try await reader.value
            for writer in writers { try await writer.value }
            expect(there == forth && here == back, promise, "other bytes arrive")
            expect(
                pair.near.bytesWritten == forth.count && pair.far.bytesWritten == back.count,
                promise, "bytesWritten is \(pair.near.bytesWritten) and \(pair.far.bytesWritten)")
        }
        try await check("spans and pieces are exact (S527, D6)") { pair, promise in
            let bytes = Self.bytes(2_000)
            let pieces = (0..<200).map { Array(bytes[$0 * 10..<$0 * 10 + 10]) } + [[]]
            let near = pair.near
            let writer = spawn {
                try await near.write(contentsOf: pieces)
                try await near.write(unsafe bytes.span.bytes)
            }
            var received: [UInt8] = []
            while received.count < 4_000 {
                var memory = [UInt8](repeating: 0, count: 70)
                var span = memory.mutableSpan
                var room = unsafe span.mutableBytes
                guard let count = try await pair.far.read(into: &room) else { break }
                received += memory[..<count]
            }
            try await writer.value
            expect(received == bytes + bytes, promise, "other bytes arrive")
        }
        try await check("bytes in memory of a pool are exact, and kept (S490)") { pair, promise in
            let bytes = Self.bytes(min(20_000, 4 * limit), seed: 6)
            let near = pair.near
            let writer = spawn {
                try await near.write(bytes)
                try await near.finishWriting()
            }
            let none = try await pair.far.readPooled(upTo: 0)
            expect(none?.count == 0, promise, "a read of no bytes gives \(none?.count ?? -1)")
            // All are kept until the last has come.
            var parts: [PooledBytes] = []
            while let part = try await pair.far.readPooled(upTo: 999) { parts.append(part) }
            try await writer.value
            let again = try await pair.far.readPooled(upTo: 1)
            expect(again == nil, promise, "after the end there are \(again?.count ?? 0) bytes")
            var received: [UInt8] = []
            for part in parts {
                let span = part.bytes
                expect(span.byteCount == part.count, promise, "a count is wrong")
                unsafe span.withUnsafeBytes { unsafe received.append(contentsOf: $0) }
            }
            expect(
                received == bytes, promise, "\(received.count) of \(bytes.count) bytes, or others")
        }
        try await check("a writer waits for its reader (S551, I8)") { pair, promise in
            let near = pair.near
            let limit = UInt64(limit)
            let chunk = Self.bytes(65_536)
            let writer = spawn {
                while near.bytesWritten <= limit { try await near.write(chunk) }
            }
            try await untilStuck(pair.near)
            expect(!writer.isFinished, promise, "more than \(limit) bytes went out unread")
            writer.cancel()
            _ = await writer.result
            let sent = Int(pair.near.bytesWritten)
            try await pair.near.finishWriting()
            let received = try await Self.readAll(pair.far)
            let isExact = received.indices.allSatisfy { received[$0] == chunk[$0 % chunk.count] }
            expect(
                received.count == sent && isExact, promise,
                "\(received.count) bytes arrive, and bytesWritten said \(sent)")
        }
    }

    private static func write(
        _ bytes: [UInt8], to stream: any ByteStream, seed: UInt64
    ) async throws {
        var choices = SeededGenerator(seed: seed)
        var sent = 0
        while sent < bytes.count {
            let end = min(bytes.count, sent + 1 + choices.below(40_000))
            try await stream.write(Array(bytes[sent..<end]))
            sent = end
        }
        try await stream.finishWriting()
    }

    nonisolated(nonsending) func checkEnd() async throws {
        try await check("the end comes after the last byte, again and again (S490)") {
            pair, promise in
            try await pair.near.write([1])
            try await pair.near.finishWriting()
            let bytes = try await Self.readAll(pair.far)
            expect(bytes == [1], promise, "before it come \(bytes)")
            for _ in 0..<3 {
                let more = try await pair.far.read(upTo: 1)
                expect(more == nil, promise, "after it come \(String(describing: more))")
            }
        }
        try await check("what was written before a close is read, and then the end (S510)") {
            pair, promise in
            try await pair.near.write([1])
            await pair.near.close()
            let bytes = try await Self.readAll(pair.far)
            expect(bytes == [1], promise, "before it come \(bytes)")
        }
        try await check("the end wakes a reader that waits (D10)") { pair, promise in
            let far = pair.far
            let reader = spawn { try await far.read(upTo: 9) }
            try await settle()
            try await pair.near.finishWriting()
            let bytes = try await reader.value
            expect(bytes == nil, promise, "the read gives \(String(describing: bytes))")
        }
        try await check("a half-close leaves the other direction alone (S537, D10, D12)") {
            pair, promise in
            try await pair.near.finishWriting()
            try await pair.near.finishWriting()
            await expectError([.closed], promise, "a write after it") {
                try await pair.near.write([1])
            }
            _ = try await pair.far.read(upTo: 1)
            try await pair.far.write([4])
            try await pair.far.finishWriting()
            let bytes = try await Self.readAll(pair.near)
            expect(bytes == [4], promise, "the other direction gives \(bytes)")
        }
    }
}
