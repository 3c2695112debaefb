import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct FrameTests {
    @Test func `each line is a frame, however the bytes come (S679)`() async throws {
        try await onLoop {
            for chunks in cuts("one\r\n\ntwo\nlast") {
                let frames = try await collect(chunks, LineDecoder())
                #expect(frames == ["one", "", "two", "last"].map { Array($0.utf8) })
            }
        }
    }

    @Test func `an over-long line is one error, and the next line is read (S681)`() async throws {
        try await onLoop {
            for text in ["12345\nnext\n", "1234567890\r\nnext", "1234567890123456\nnext\r\n"] {
                for chunks in cuts(text) {
                    let reader = BufferedReader(try Chunks(chunks))
                    var iterator = reader.frames(LineDecoder(limit: 4)).makeAsyncIterator()
                    await #expect(throws: StreamError.limitExceeded(limit: 4)) {
                        try await iterator.next()
                    }
                    #expect(try await iterator.next() == .of("next"))
                    #expect(try await iterator.next() == nil)
                    #expect(try await iterator.next() == nil)
                }
            }
        }
    }

    @Test func `an over-long last line is one error as well (S681)`() async throws {
        try await onLoop {
            for chunks in cuts("1234\r") {
                let reader = BufferedReader(try Chunks(chunks))
                var iterator = reader.frames(LineDecoder(limit: 4)).makeAsyncIterator()
                await #expect(throws: StreamError.limitExceeded(limit: 4)) {
                    try await iterator.next()
                }
                #expect(try await iterator.next() == nil)
            }
        }
    }

    @Test(arguments: LengthPrefix.allCases)
    func `frames behind their length, in any number of pieces (S682)`(
        prefix: LengthPrefix
    ) async throws {
        try await onLoop {
            let sizes = [0, 1, 2, 255, 100]
            for capacity in [1, 3, 1_000] {
                let (near, far) = MemoryStream.pair(capacity: capacity)
                let writer = spawn {
                    for size in sizes {
                        try await near.write(
                            contentsOf: [prefix.bytes(for: size), pattern(size)])
                    }
                    try await near.finishWriting()
                }
                var frames: [[UInt8]] = []
                let decoder = LengthPrefixDecoder(prefix, limit: 255)
                for try await frame in BufferedReader(far).frames(decoder) { frames.append(frame) }
                #expect(frames == sizes.map { pattern($0) })
                try await writer.value
            }
        }
    }

    @Test func `a length above the limit is refused, again and again (S682, I8)`() async throws {
        try await onLoop {
            let headers: [(LengthPrefix, [UInt8])] = [
                (.oneByte, [101]), (.twoBytes, [1, 0]), (.fourBytes, [0xFF, 0, 0, 0]),
                (.eightBytes, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            ]
            for (prefix, header) in headers {
                let (near, far) = MemoryStream.pair()
                try await near.write(header)
                let reader = BufferedReader(far)
                var decoder = LengthPrefixDecoder(prefix, limit: 100)
                for _ in 0..<2 {
                    await #expect(throws: StreamError.limitExceeded(limit: 100)) {
                        try await reader.readFrame(using: &decoder)
                    }
                }
                #expect(try await reader.read(upTo: 100) == header)
            }
        }
    }

    @Test func `a frame that is cut short is an error, and stays (S679, S682)`() async throws {
        try await onLoop {
            for cut in 1..<6 {
                let (near, far) = MemoryStream.pair()
                let whole = LengthPrefix.twoBytes.bytes(for: 4) + pattern(4)
                try await near.write(whole + whole[..<cut])
                try await near.finishWriting()
                let reader = BufferedReader(far)
                var decoder = LengthPrefixDecoder(.twoBytes, limit: 100)
                #expect(try await reader.readFrame(using: &decoder) == pattern(4))
                await #expect(throws: StreamError.endedEarly(received: cut)) {
                    try await reader.readFrame(using: &decoder)
                }
                #expect(try await reader.readToEnd(limit: 9) == Array(whole[..<cut]))
            }
        }
    }

    @Test func `a prefix says its number, biggest byte first`() {
        #expect(LengthPrefix.oneByte.bytes(for: 255) == [255])
        #expect(LengthPrefix.twoBytes.bytes(for: 258) == [1, 2])
        #expect(LengthPrefix.fourBytes.bytes(for: 0x01020304) == [1, 2, 3, 4])
        #expect(
            LengthPrefix.eightBytes.bytes(for: Int.max) == [0x7F]
                + [UInt8](repeating: 255, count: 7))
        #expect(LengthPrefix.allCases.map(\.maximum) == [255, 65_535, 4_294_967_295, .max])
    }

    @Test func `cancelled at any point, no frame is lost (D17)`() async throws {
        try await onLoop {
            for turns in 0..<60 {
                let (near, far) = MemoryStream.pair(capacity: 3)
                let writer = spawn {
                    for size in 1...8 {
                        try await near.write(
                            contentsOf: [LengthPrefix.oneByte.bytes(for: size), pattern(size)])
                    }
                    try await near.finishWriting()
                }
                let frames = Recorder<[UInt8]>()
                let reader = BufferedReader(far)
                let task = spawn {
                    let decoder = LengthPrefixDecoder(.oneByte, limit: 8)
                    for try await frame in reader.frames(decoder) { frames.append(frame) }
                }
                for _ in 0..<turns { try await yield() }
                task.cancel()
                _ = await task.result
                for try await frame in reader.frames(LengthPrefixDecoder(.oneByte, limit: 8)) {
                    frames.append(frame)
                }
                try await writer.value
                #expect(frames.elements == (1...8).map { pattern($0) })
            }
        }
    }

    private func collect<Decoder: FrameDecoder>(
        _ chunks: [String], _ decoder: Decoder
    ) async throws -> [Decoder.Frame] {
        var frames: [Decoder.Frame] = []
        for try await frame in BufferedReader(try Chunks(chunks)).frames(decoder) {
            frames.append(frame)
        }
        return frames
    }
}
