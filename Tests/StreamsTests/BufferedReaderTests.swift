import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct BufferedReaderTests {
    @Test func `a read of zero bytes returns at once and takes nothing (S489)`() async throws {
        try await onLoop {
            let reader = BufferedReader(try Chunks(["ab"]))
            #expect(try await reader.read(upTo: 0) == [])
            #expect(try await reader.read(exactly: 0) == [])
            #expect(try await reader.peek(0) == [])
            #expect(try await reader.read(upTo: 9) == .of("ab"))
            #expect(try await reader.read(upTo: 9) == nil)
            #expect(try await reader.read(upTo: 0) == [])
        }
    }

    @Test func `a read returns what is there, and the end again and again (S490)`() async throws {
        try await onLoop {
            let reader = BufferedReader(try Chunks(["abcde", "f"]))
            #expect(try await reader.read(upTo: 2) == .of("ab"))
            #expect(try await reader.read(upTo: 9) == .of("cde"))
            #expect(try await reader.read(upTo: 9) == .of("f"))
            for _ in 0..<3 { #expect(try await reader.read(upTo: 1) == nil) }
        }
    }

    @Test func `bytes are read into the caller's memory`() async throws {
        try await onLoop {
            let reader = BufferedReader(try Chunks(["abc"]))
            var memory = [UInt8](repeating: 0, count: 2)
            for expected in ["ab", "cb"] {
                var span = memory.mutableSpan
                var bytes = span.mutableBytes
                _ = try await reader.read(into: &bytes)
                #expect(memory == .of(expected))
            }
            var span = memory.mutableSpan
            var bytes = span.mutableBytes
            #expect(try await reader.read(into: &bytes) == nil)
        }
    }

    @Test func `at its end is a reader that saw it and has nothing left (S500)`() async throws {
        try await onLoop {
            let reader = BufferedReader(try Chunks(["ab"]))
            #expect(!reader.isAtEnd)
            #expect(try await reader.peek(9) == .of("ab"))
            #expect(!reader.isAtEnd && reader.bufferedByteCount == 2)
            _ = try await reader.read(exactly: 2)
            #expect(reader.isAtEnd && reader.bufferedByteCount == 0)
        }
    }

    @Test func `exactly so many bytes, however they come`() async throws {
        try await onLoop {
            for chunks in cuts("abcdef") {
                let reader = BufferedReader(try Chunks(chunks))
                #expect(try await reader.read(exactly: 4) == .of("abcd"))
                #expect(try await reader.read(exactly: 2) == .of("ef"))
            }
        }
    }

    @Test func `an early end says how many bytes came, and keeps them`() async throws {
        try await onLoop {
            for chunks in cuts("abcdef") {
                let reader = BufferedReader(try Chunks(chunks))
                #expect(try await reader.read(exactly: 2) == .of("ab"))
                await #expect(throws: StreamError.endedEarly(received: 4)) {
                    try await reader.read(exactly: 5)
                }
                #expect(try await reader.read(exactly: 4) == .of("cdef"))
            }
        }
    }

    @Test func `peeking shows bytes and leaves them (S503)`() async throws {
        try await onLoop {
            for chunks in cuts("abcdef") {
                let reader = BufferedReader(try Chunks(chunks))
                #expect(try await reader.peek(3) == .of("abc"))
                #expect(try await reader.read(exactly: 1) == .of("a"))
                #expect(try await reader.peek(4) == .of("bcde"))
                #expect(try await reader.peek(100) == .of("bcdef"))
                #expect(try await reader.readToEnd(limit: 5) == .of("bcdef"))
                #expect(try await reader.peek(1) == [])
            }
        }
    }

    @Test func `everything to the end is collected, up to the limit (S491)`() async throws {
        try await onLoop {
            for chunks in cuts("abcdef") {
                let reader = BufferedReader(try Chunks(chunks))
                await #expect(throws: StreamError.limitExceeded(limit: 5)) {
                    try await reader.readToEnd(limit: 5)
                }
                #expect(try await reader.readToEnd(limit: 6) == .of("abcdef"))
                #expect(try await reader.readToEnd(limit: 0) == [])
            }
        }
    }

    @Test func `a second reader is refused, and the first goes on (S448)`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            let reader = BufferedReader(far)
            let first = spawn { try await reader.read(exactly: 2) }
            try await settle()
            #expect(await ioCode { _ = try await reader.read(upTo: 1) } == .busy)
            #expect(await ioCode { _ = try await reader.readLine() } == .busy)
            try await near.write("xy")
            #expect(try await first.value == .of("xy"))
            try await near.finishWriting()
            #expect(try await reader.readLine() == nil)
        }
    }

    @Test func `an error wakes a waiting reader and is told again (S499)`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            let reader = BufferedReader(far)
            try await near.write("ab")
            let first = spawn { try await reader.read(exactly: 3) }
            try await settle()
            await reader.close()
            #expect(await ioCode { _ = try await first.value } == .closed)
            #expect(try await reader.read(upTo: 9) == .of("ab"))
            #expect(await ioCode { _ = try await reader.read(upTo: 9) } == .closed)
        }
    }

    @Test func `cancelled at any point, no form of reading loses a byte (S432, D17)`() async throws
    {
        let text = "one\r\ntwo--three##four\nrest of it"
        try await onLoop {
            for turns in 0..<80 {
                let (near, far) = MemoryStream.pair(capacity: 2)
                let reader = BufferedReader(far)
                let taken = Recorder<UInt8>()
                let writer = spawn {
                    try await near.write(text)
                    try await near.finishWriting()
                }
                let task = spawn {
                    func keep(_ bytes: [UInt8]) { bytes.forEach(taken.append) }
                    _ = try await reader.peek(4)
                    if let line = try await reader.readLine() { keep(.of(line + "\r\n")) }
                    keep(try await reader.read(untilAnyOf: [.of("##"), .of("--")]))
                    keep(try await reader.read(exactly: 5))
                    if let line = try await reader.readLine() { keep(.of(line + "\n")) }
                    keep(try await reader.readToEnd(limit: 100))
                }
                for _ in 0..<turns { try await yield() }
                task.cancel()
                _ = await task.result
                let rest = try await reader.readToEnd(limit: 100)
                try await writer.value
                #expect(taken.elements + rest == .of(text))
            }
        }
    }

    @Test func `a task that never waits lets others run (S437)`() async throws {
        try await onLoop {
            let reader = BufferedReader(
                try Chunks([String(repeating: "x\n", count: 10_000)]), readSize: 100_000)
            _ = try await reader.peek(20_000)
            let other = spawn { true }
            var lines = 0
            while !other.isFinished, try await reader.readLine() != nil { lines += 1 }
            #expect(lines < 1_000)
            #expect(await other.value)
        }
    }
}
