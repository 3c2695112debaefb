import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct BufferedWriterTests {
    @Test func `small writes are collected, and go out with the flush (S683)`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            let writer = BufferedWriter(near, capacity: 10)
            try await writer.write("abc")
            try await writer.write("def")
            #expect(writer.bufferedByteCount == 6 && writer.bytesWritten == 0)
            try await writer.flush()
            #expect(writer.bufferedByteCount == 0 && writer.bytesWritten == 6)
            #expect(try await far.read(upTo: 100) == .of("abcdef"))
            try await writer.flush()
            try await writer.write("")
            #expect(writer.bytesAccepted == 6)
        }
    }

    @Test func `a full buffer is written out, and waits for the reader (S683, S531)`() async throws
    {
        try await onLoop {
            let (near, far) = MemoryStream.pair(capacity: 4)
            let writer = BufferedWriter(near, capacity: 10)
            let task = spawn {
                for place in 0..<10 {
                    try await writer.write(Array(pattern(30)[place * 3..<place * 3 + 3]))
                }
                try await writer.finishWriting()
            }
            try await settle()
            #expect(!task.isFinished && writer.bytesAccepted == 12)
            #expect(await ioCode { try await writer.write("x") } == .busy)
            #expect(await ioCode { try await writer.flush() } == .busy)
            #expect(try await BufferedReader(far).readToEnd(limit: 30) == pattern(30))
            try await task.value
        }
    }

    @Test func `finishing flushes first; closing does not`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            let writer = BufferedWriter(near)
            try await writer.write("abc")
            try await writer.finishWriting()
            #expect(try await BufferedReader(far).readToEnd(limit: 3) == .of("abc"))
            #expect(await ioCode { try await writer.flush() } == nil)
            let back = BufferedWriter(far)
            try await back.write("lost")
            await back.close()
            #expect(try await near.read(upTo: 9) == nil)
        }
    }

    @Test func `a broken stream is told at the flush, again and again`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            await far.close()
            let writer = BufferedWriter(near, capacity: 10)
            try await writer.write("abc")
            #expect(await ioCode { try await writer.flush() } == .brokenPipe)
            #expect(await ioCode { try await writer.flush() } == .brokenPipe)
            #expect(writer.bufferedByteCount == 3)
            // It does not grow without end.
            for _ in 0..<10 {
                #expect(await ioCode { try await writer.write(pattern(10)) } == .brokenPipe)
            }
            #expect(writer.bufferedByteCount == 13)
        }
    }

    @Test func `cancelled at any point, no byte is lost or doubled (D18)`() async throws {
        try await onLoop {
            for turns in 0..<60 {
                let (near, far) = MemoryStream.pair(capacity: 3)
                let writer = BufferedWriter(near, capacity: 8)
                let reader = spawn {
                    try await BufferedReader(far, readSize: 2).readToEnd(limit: 100)
                }
                let task = spawn {
                    for place in 0..<10 {
                        try await writer.write(Array(pattern(50)[place * 5..<place * 5 + 5]))
                    }
                    try await writer.flush()
                }
                for _ in 0..<turns { try await yield() }
                task.cancel()
                _ = await task.result
                try await writer.write(Array(pattern(50)[Int(writer.bytesAccepted)...]))
                try await writer.finishWriting()
                #expect(try await reader.value == pattern(50))
            }
        }
    }
}
