import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct LineTests {
    @Test func `lines end with LF, or CR and LF, or the stream (S493)`() async throws {
        try await onLoop {
            for chunks in cuts("one\r\ntwo\n\n\r\na\rb\nend\r") {
                let reader = BufferedReader(try Chunks(chunks))
                var lines: [String] = []
                for try await line in reader.lines() { lines.append(line) }
                #expect(lines == ["one", "two", "", "", "a\rb", "end\r"])
                #expect(try await reader.readLine() == nil)
                #expect(try await reader.readLineBytes() == nil)
            }
        }
    }

    @Test func `what is no UTF-8 is kept in the bytes of a line`() async throws {
        try await onLoop {
            let (near, far) = MemoryStream.pair()
            try await near.write([0xFF, 0x0A, 0xFF, 0x0A])
            let reader = BufferedReader(far)
            #expect(try await reader.readLineBytes() == [0xFF])
            #expect(try await reader.readLine() == "\u{FFFD}")
        }
    }

    @Test func `a line over the limit is an error and stays, its end there or not (S494)`()
        async throws
    {
        try await onLoop {
            for text in ["12345\nnext\n", "12345\r\nnext\r\n"] {
                for chunks in cuts(text) {
                    let reader = BufferedReader(try Chunks(chunks))
                    await #expect(throws: StreamError.limitExceeded(limit: 4)) {
                        try await reader.readLine(limit: 4)
                    }
                    #expect(try await reader.readLine(limit: 5) == "12345")
                    #expect(try await reader.readLine(limit: 4) == "next")
                    #expect(try await reader.readLine(limit: 0) == nil)
                }
            }
        }
    }

    @Test func `a last line over the limit is an error as well (S494)`() async throws {
        try await onLoop {
            for chunks in cuts("1234\r") {
                let reader = BufferedReader(try Chunks(chunks))
                await #expect(throws: StreamError.limitExceeded(limit: 4)) {
                    try await reader.readLine(limit: 4)
                }
                #expect(try await reader.readLine(limit: 5) == "1234\r")
            }
        }
    }

    @Test func `an over-long line can be dropped, and the next one is read (S494)`() async throws {
        try await onLoop {
            for chunks in cuts("much too long\nnext\nlast") {
                let reader = BufferedReader(try Chunks(chunks))
                await #expect(throws: StreamError.self) { try await reader.readLine(limit: 4) }
                try await reader.discardLine()
                #expect(try await reader.readLine(limit: 4) == "next")
                try await reader.discardLine()
                #expect(try await reader.readLine() == nil)
            }
        }
    }

    @Test func `a separator is found however it is cut (S495, S498)`() async throws {
        try await onLoop {
            for chunks in cuts("aab--b---c##d-#e\r\n\r\nf") {
                let reader = BufferedReader(try Chunks(chunks))
                let separators: [[UInt8]] = [.of("---"), .of("##"), .of("\r\n\r\n")]
                #expect(try await reader.read(untilAnyOf: separators) == .of("aab--b---"))
                #expect(try await reader.read(untilAnyOf: separators) == .of("c##"))
                #expect(try await reader.read(until: "\r\n\r\n") == .of("d-#e\r\n\r\n"))
                await #expect(throws: StreamError.endedEarly(received: 1)) {
                    try await reader.read(until: "-")
                }
                #expect(try await reader.read(exactly: 1) == .of("f"))
            }
        }
    }

    @Test func `the match that ends first wins (S498)`() async throws {
        try await onLoop {
            for chunks in cuts("xabcdy") {
                // "abcd" begins first, "bc" ends first.
                let reader = BufferedReader(try Chunks(chunks))
                let separators: [[UInt8]] = [.of("abcd"), .of("bc"), .of("a long one")]
                #expect(try await reader.read(untilAnyOf: separators) == .of("xabc"))
            }
        }
    }

    @Test func `a separator beyond the limit is an error that keeps all bytes (S496)`()
        async throws
    {
        try await onLoop {
            for text in ["12345--", "1234567890123456"] {
                for chunks in cuts(text) {
                    let reader = BufferedReader(try Chunks(chunks))
                    await #expect(throws: StreamError.limitExceeded(limit: 4)) {
                        try await reader.read(until: "--", limit: 4)
                    }
                    if text.hasSuffix("--") {
                        #expect(try await reader.read(until: "--", limit: 5) == .of("12345--"))
                    }
                    #expect(
                        try await reader.readToEnd(limit: 100)
                            == .of(text.hasSuffix("--") ? "" : text))
                }
            }
        }
    }

    @Test func `an end without a separator keeps all bytes (S497)`() async throws {
        try await onLoop {
            for chunks in cuts("abc-") {
                let reader = BufferedReader(try Chunks(chunks))
                await #expect(throws: StreamError.endedEarly(received: 4)) {
                    try await reader.read(until: "--")
                }
                #expect(try await reader.readToEnd(limit: 4) == .of("abc-"))
            }
        }
    }

    @Test func `each byte is searched a bounded number of times (S495)`() async throws {
        // 200,000 bytes that come one by one: quadratic, it would take minutes.
        try await onLoop {
            let (near, far) = MemoryStream.pair(capacity: 64)
            let writer = spawn {
                try await near.write([UInt8](repeating: 0x2D, count: 200_000))
                try await near.write("##")
            }
            let reader = BufferedReader(far, readSize: 1)
            let bytes = try await reader.read(untilAnyOf: [.of("##"), .of("#!")], limit: 200_000)
            #expect(bytes.count == 200_002)
            try await writer.value
        }
    }
}
