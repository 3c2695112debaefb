import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

@Suite(.watched)
struct MemoryStreamTests {
    @Test func `bytes come out as they went in, and then the end (S490, S510)`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair(capacity: 10)
            let writer = spawn {
                try await near.write(pattern(100_000))
                await near.close()
            }
            #expect(try await BufferedReader(far).readToEnd(limit: 100_000) == pattern(100_000))
            try await writer.value
            #expect(near.bytesWritten == 100_000)
            #expect(far.bytesRead == 100_000)
            for _ in 0..<3 { #expect(try await far.read(upTo: 1) == nil) }
        }
    }

    @Test func `a full buffer holds the writer up until it is read (S551, I8)`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair(capacity: 8)
            let writer = spawn { try await near.write(pattern(20)) }
            try await settle()
            #expect(!writer.isFinished && near.bytesWritten == 8)
            #expect(try await far.read(upTo: 3) == Array(pattern(3)))
            try await settle()
            #expect(!writer.isFinished && near.bytesWritten == 11)
            #expect(try await BufferedReader(far).read(exactly: 17) == Array(pattern(20)[3...]))
            try await writer.value
        }
    }

    @Test func `an end that nobody holds any more is closed`() async throws {
        try await onLoop {
            var (near, far): (MemoryStream?, MemoryStream) = MemoryStream.pair()
            try await near?.write("last")
            near = nil
            #expect(try await far.read(upTo: 9) == Array("last".utf8))
            #expect(try await far.read(upTo: 9) == nil)
            #expect(await ioCode { try await far.write("x") } == .brokenPipe)
        }
    }

    @Test func `it works between threads, and without a loop`() async throws {
        let (near, far) = MemoryStream.pair(capacity: 100)
        async let echo: Void = {
            while let bytes = try await far.read(upTo: 7) { try await far.write(bytes) }
            try await far.finishWriting()
        }()
        async let sending: Void = {
            try await near.write(pattern(10_000))
            try await near.finishWriting()
        }()
        let back = try await BufferedReader(near).readToEnd(limit: 10_000)
        _ = try await (echo, sending)
        #expect(back == pattern(10_000))
    }

    @Test func `every order of reader, writer and cancellation keeps all bytes (D17, D18)`()
        async throws
    {
        try await withSeeds { seed in
            var choices = SeededGenerator(seed: seed)
            let (near, far) = MemoryStream.pair(capacity: Int.random(in: 1...9, using: &choices))
            let delay = Int.random(in: 0...12, using: &choices)
            let writer = spawn { try await near.write(pattern(40)) }
            let received = Recorder<UInt8>()
            let reader = spawn {
                while let bytes = try await far.read(upTo: 3) { bytes.forEach(received.append) }
            }
            for _ in 0..<delay { try await yield() }
            let isWriterCancelled = Bool.random(using: &choices)
            if isWriterCancelled { writer.cancel() } else { reader.cancel() }
            if !isWriterCancelled {
                // What the cancelled reader has not taken, this one takes.
                _ = await reader.result
                let rest = spawn { try await BufferedReader(far).readToEnd(limit: 40) }
                try await writer.value
                await near.close()
                try await rest.value.forEach(received.append)
            } else {
                _ = await writer.result
                await near.close()
                try await reader.value
            }
            #expect(received.elements == Array(pattern(40)[..<Int(near.bytesWritten)]))
        }
    }
}
