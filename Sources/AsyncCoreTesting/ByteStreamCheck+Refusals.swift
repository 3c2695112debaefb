// Checks of closed, broken and busy.
internal import AsyncCore

extension ByteStreamCheck {
    nonisolated(nonsending) func checkRefusals() async throws {
        try await check("operations on what is closed say closed (S446)") { pair, promise in
            await pair.near.close()
            await pair.near.close()
            await expectError([.closed], promise, "a read") {
                _ = try await pair.near.read(upTo: 1)
            }
            await expectError([.closed], promise, "a write") { try await pair.near.write([1]) }
            await expectError([.closed], promise, "a write of pieces") {
                try await pair.near.write(contentsOf: [[1], [2]])
            }
            await expectError([.closed], promise, "a half-close") {
                try await pair.near.finishWriting()
            }
        }
        try await check("closing wakes those who wait, with closed (S417, S446, D22)") {
            pair, promise in
            let near = pair.near
            let reader = spawn { _ = try await near.read(upTo: 1) }
            let writer = spawnFlood(near)
            try await untilStuck(near)
            await near.close()
            await expectError([.closed], promise, "a waiting read") { try await reader.value }
            await expectError([.closed], promise, "a waiting write") { try await writer.value }
        }
        try await check("a task that is cancelled closes, too (S512)") { pair, promise in
            let near = pair.near
            let closer = spawn { await near.close() }
            closer.cancel()
            _ = await closer.result
            await expectError([.closed], promise, "a read after it") {
                _ = try await near.read(upTo: 1)
            }
            let end = try await pair.far.read(upTo: 1)
            expect(end == nil, promise, "the other side reads \(String(describing: end))")
        }
        try await check("writes to a side that is closed break, and stay broken (S509, S545)") {
            pair, promise in
            await pair.far.close()
            let broken: [IOError.Code] = [.brokenPipe, .connectionReset]
            let near = pair.near
            let writer = spawnFlood(near)
            await expectError(broken, promise, "a write") { try await writer.value }
            for _ in 0..<3 {
                await expectError(broken, promise, "a later write") { try await near.write([1]) }
            }
        }
        try await check("the other side's close wakes a writer that waits (S509)") {
            pair, promise in
            let writer = spawnFlood(pair.near)
            try await untilStuck(pair.near)
            await pair.far.close()
            await expectError([.brokenPipe, .connectionReset], promise, "the write") {
                try await writer.value
            }
        }
        try await check("a second reader is refused, the first goes on (S448, A22)") {
            pair, promise in
            let far = pair.far
            let reader = spawn { try await far.read(upTo: 9) }
            try await settle()
            await expectError([.busy], promise, "a second read") { _ = try await far.read(upTo: 1) }
            try await pair.near.write([1])
            let bytes = try await reader.value
            expect(bytes == [1], promise, "the first reads \(String(describing: bytes))")
        }
        try await check("a second writer, and a half-close, are refused (S448, S516)") {
            pair, promise in
            let near = pair.near
            let writer = spawnFlood(near)
            try await untilStuck(near)
            await expectError([.busy], promise, "a second write") { try await near.write([1]) }
            await expectError([.busy], promise, "a second write of pieces") {
                try await near.write(contentsOf: [[1]])
            }
            await expectError([.busy], promise, "a half-close") { try await near.finishWriting() }
            expect(!writer.isFinished, promise, "the first writer ends")
            writer.cancel()
            _ = await writer.result
        }
    }

    /// A task that writes until it is ended.
    func spawnFlood(_ stream: any ByteStream) -> TaskHandle<Void, any Error> {
        let chunk = Self.bytes(65_536)
        return spawn { while true { try await stream.write(chunk) } }
    }
}
