// Checks of operations that are cancelled.
internal import AsyncCore

extension ByteStreamCheck {
    nonisolated(nonsending) func checkCancellation() async throws {
        try await check("a task that is cancelled already does nothing (S432, S437)") {
            pair, promise in
            let (near, far) = pair
            try await near.write([1])
            try await settle()
            let before = near.bytesWritten
            let tasks = [
                spawn { _ = try await far.read(upTo: 9) }, spawn { try await near.write([3]) },
            ]
            for task in tasks { task.cancel() }
            for task in tasks { try await expectCancelled(task, promise) }
            expect(near.bytesWritten == before, promise, "the write wrote")
            let bytes = try await far.read(upTo: 9)
            expect(bytes == [1], promise, "the next read gives \(String(describing: bytes))")
        }
        try await check("a read that waits and is cancelled takes nothing (S432, S513, D17)") {
            pair, promise in
            let far = pair.far
            let reader = spawn { _ = try await far.read(upTo: 9) }
            try await settle()
            reader.cancel()
            try await expectCancelled(reader, promise)
            try await pair.near.write([1])
            let bytes = try await far.read(upTo: 9)
            expect(bytes == [1], promise, "the next read gives \(String(describing: bytes))")
        }
        try await check("a write that waits and is cancelled says how much it wrote (S513, D18)") {
            pair, promise in
            let near = pair.near
            let bytes = Self.manyBytes(limit + 1)
            let writer = spawn { try await near.write(bytes) }
            try await untilStuck(near)
            writer.cancel()
            try await expectCancelled(writer, promise)
            let sent = Int(near.bytesWritten)
            let rest = spawn {
                try await near.write([1, 2, 3])
                try await near.finishWriting()
            }
            let received = try await Self.readAll(pair.far)
            try await rest.value
            expect(
                received == bytes[..<sent] + [1, 2, 3], promise,
                "it said \(sent), and \(received.count - 3) bytes arrive, or others")
        }
        try await checkSweep()
    }

    /// A conversation that is cancelled in each of its turns, and finished by somebody else.
    private nonisolated(nonsending) func checkSweep() async throws {
        let bytes = Self.bytes(60)
        var turns = 0
        var hasEnded = false
        while !hasEnded && turns < 500 {
            try await check("cancelled at any suspension, no byte is lost (D17, D18, I7)") {
                pair, promise in
                let (near, far) = pair
                let echo = spawn {
                    while let bytes = try await far.read(upTo: 5) { try await far.write(bytes) }
                    try await far.finishWriting()
                }
                let received = Received()
                let writer = spawn { try await Self.write(bytes, to: near) }
                let reader = spawn { try await Self.read(bytes.count, from: near, received) }
                for _ in 0..<turns { try await yield() }
                writer.cancel()
                reader.cancel()
                if case .success = await writer.result, case .success = await reader.result {
                    hasEnded = true
                }
                _ = await reader.result
                // Whatever has gone out comes back, and the rest still can.
                let rest = spawn {
                    try await near.write(Array(bytes[Int(near.bytesWritten)...]))
                    try await near.finishWriting()
                }
                let all = received.bytes + (try await Self.readAll(near))
                try await rest.value
                try await echo.value
                expect(
                    all == bytes, promise,
                    "in turn \(turns), \(all.count) of \(bytes.count) bytes arrive, or others")
            }
            turns += 1
        }
        expect(hasEnded, "a conversation ends", "not in 500 turns")
    }

    private static func write(_ bytes: [UInt8], to stream: any ByteStream) async throws {
        for start in stride(from: 0, to: bytes.count, by: 20) {
            try await stream.write(contentsOf: [
                Array(bytes[start..<start + 7]), Array(bytes[start + 7..<start + 20]),
            ])
            try await yield()
        }
    }

    private static func read(
        _ count: Int, from stream: any ByteStream, _ received: Received
    ) async throws {
        while received.bytes.count < count, let more = try await stream.read(upTo: 6) {
            received.append(more)
        }
    }

    private nonisolated(nonsending) func expectCancelled(
        _ task: TaskHandle<Void, any Error>, _ promise: String
    ) async throws {
        switch await task.result {
        case .success: violate(promise, "the operation succeeds")
        case .failure(let error):
            expect(error is CancellationError, promise, "the operation fails with \(error)")
        }
    }
}

/// Bytes that a task has received, for others to see.
private final class Received: @unchecked Sendable {
    // SAFETY: `received` is guarded by `lock`.
    private let lock = ThreadLock()
    private var received: [UInt8] = []

    var bytes: [UInt8] { lock.withLock { received } }

    func append(_ bytes: [UInt8]) { lock.withLock { received += bytes } }
}
