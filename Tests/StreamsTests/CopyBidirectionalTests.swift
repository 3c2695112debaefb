import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct CopyBidirectionalTests {
    /// Runs `body` with a client, a server, and the task that copies between them.
    private func withProxy(
        _ body:
            @escaping @Sendable (
                _ client: MemoryStream, _ server: MemoryStream,
                _ copier: TaskHandle<CopiedBytes, any Error>
            ) async throws -> Void
    ) async throws {
        try await onLoop {
            let (client, front) = MemoryStream.pair(capacity: 100)
            let (back, server) = MemoryStream.pair(capacity: 100)
            let copier = spawn { try await copyBidirectional(front, back, bufferSize: 50) }
            try await body(client, server, copier)
            for stream in [client, front, back, server] { await stream.close() }
        }
    }

    @Test func `both directions are copied, and counted (S522)`() async throws {
        try await withProxy { client, server, copier in
            let echo = spawn {
                while let bytes = try await server.read(upTo: 7) { try await server.write(bytes) }
                try await server.write("end")
                try await server.finishWriting()
            }
            let writer = spawn {
                try await client.write(pattern(10_000))
                try await client.finishWriting()
            }
            let all = try await BufferedReader(client).readToEnd(limit: 20_000)
            #expect(all == pattern(10_000) + .of("end"))
            #expect(try await copier.value == .init(fromFirst: 10_000, fromSecond: 10_003))
            try await echo.value
            try await writer.value
        }
    }

    @Test func `one side's end is passed on, the other direction goes on (S522)`() async throws {
        try await withProxy { client, server, copier in
            try await client.finishWriting()
            #expect(try await server.read(upTo: 9) == nil)
            for _ in 0..<3 {
                try await server.write("more")
                #expect(try await BufferedReader(client).read(exactly: 4) == .of("more"))
            }
            #expect(!copier.isFinished)
            try await server.finishWriting()
            #expect(try await copier.value == .init(fromFirst: 0, fromSecond: 12))
        }
    }

    @Test func `a direction that waits does not hold up the other (S523)`() async throws {
        try await withProxy { client, server, copier in
            let flood = spawn { try await client.write(pattern(10_000)) }
            try await settle()
            #expect(!flood.isFinished)
            try await server.write("still here")
            #expect(try await BufferedReader(client).read(exactly: 10) == .of("still here"))
            // What is under way is bounded: two streams' buffers, and one of the copier's.
            #expect(client.bytesWritten <= 250)
            flood.cancel()
            _ = await flood.result
            copier.cancel()
            #expect(await copier.result.isCancelled)
        }
    }

    @Test func `an error ends both directions at once (S523)`() async throws {
        try await withProxy { client, server, copier in
            await server.close()
            try await client.write("x")
            #expect(await ioCode { _ = try await copier.value } == .brokenPipe)
        }
    }
}
