import Testing

@testable import HTTPHello

struct HTTPBodyDecoderTests {
    @Test(arguments: [1, 2, 3, .max])
    func `a body with a length`(_ size: Int) throws {
        let result = try decode(.length(5), "helloGET", inPiecesOf: size)
        #expect(result.count == 5)
        #expect(result.isComplete)
        #expect(try !decode(.length(5), "hell", inPiecesOf: size).isComplete)
        #expect(try decode(.none, "GET", inPiecesOf: size).count == 0)
    }

    @Test(arguments: [1, 2, 3, .max])
    func `a body in chunks`(_ size: Int) throws {
        for body in [
            "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n1\r\n!\r\n000\r\n\r\n",
            "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            "1;name=value\r\nx\r\n1 ; a\r\ny\r\n0;end\r\n\r\n",
            "1\r\nx\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n",
        ] {
            let result = try decode(.chunked, body + "GET", inPiecesOf: size)
            #expect(result.count == body.utf8.count, "\(body.debugDescription)")
            #expect(result.isComplete)
            for length in 0..<body.utf8.count {
                let part = String(decoding: body.utf8.prefix(length), as: UTF8.self)
                #expect(try !decode(.chunked, part, inPiecesOf: size).isComplete)
            }
        }
    }

    @Test(arguments: [1, 2, 3, .max])
    func `chunks that are refused`(_ size: Int) {
        for (body, status) in [
            ("\r\n", HTTPStatus.badRequest), ("x\r\n", .badRequest), (" 1\r\n", .badRequest),
            ("-1\r\n", .badRequest), ("0x1\r\n", .badRequest), ("1\nx", .badRequest),
            ("1\rx", .badRequest), ("1\r\nxy", .badRequest), ("1\r\nx\n", .badRequest),
            ("1\r\nx\r0", .badRequest), ("1;a\nb\r\n", .badRequest), ("0\r\n\n", .badRequest),
            ("0\r\nA: \u{0}\r\n\r\n", .badRequest), ("0\r\n\rx", .badRequest),
            ("00000000000000001\r\nx", .badRequest),
            ("65\r\n", .contentTooLarge), ("fffffffffffffffffffff\r\n", .contentTooLarge),
            (
                String(repeating: "40\r\n" + String(repeating: "x", count: 64) + "\r\n", count: 2),
                .contentTooLarge
            ),
            ("1;" + String(repeating: "a", count: 9000), .headTooLarge),
            ("0\r\n" + String(repeating: "a: b\r\n", count: 3000), .headTooLarge),
        ] {
            let error = #expect(throws: HTTPRequestError.self, "\(body.debugDescription)") {
                try decode(.chunked, body, inPiecesOf: size)
            }
            #expect(error?.status == status, "\(body.debugDescription)")
        }
    }

    @Test func `a body of the greatest size, and a byte more`() throws {
        _ = try HTTPBodyDecoder(.length(100), limit: 100)
        let error = #expect(throws: HTTPRequestError.self) {
            try HTTPBodyDecoder(.length(101), limit: 100)
        }
        #expect(error?.status == .contentTooLarge)
        let body = "64\r\n" + String(repeating: "x", count: 100) + "\r\n0\r\n\r\n"
        #expect(try decode(.chunked, body, inPiecesOf: .max).isComplete)
    }
}

/// Decodes a body of at most 100 bytes that comes in pieces.
@discardableResult
private func decode(
    _ body: HTTPRequestHead.Body, _ text: String, inPiecesOf size: Int
) throws -> (count: Int, isComplete: Bool) {
    let bytes = Array(text.utf8)
    var decoder = try HTTPBodyDecoder(body, limit: 100)
    var (start, end) = (0, 0)
    while end < bytes.count {
        end += min(size, bytes.count - end)
        start += try decoder.consume(bytes.span.extracting(start..<end))
    }
    return (start, decoder.isComplete)
}
