import Testing

@testable import HTTPHello

struct HTTPRequestParserTests {
    @Test func `a request`() throws {
        let text = "GET /page?x=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\n\r\n"
        let head = try #require(try heads(of: text).first)
        #expect(head.method == .get)
        #expect(head.target == 4..<13)
        #expect(head.minorVersion == 1)
        #expect(head.keepsAlive)
        #expect(head.body == .none)
        #expect(!head.expectsContinue)
        #expect(head.byteCount == text.utf8.count)
    }

    @Test(arguments: [
        ("GET", HTTPRequestHead.Method.get), ("HEAD", .head), ("POST", .other), ("GETS", .other),
        ("get", .other), ("GE", .other), ("!#$%&'*+-.^_`|~09azAZ", .other),
    ])
    func `methods`(_ text: String, _ method: HTTPRequestHead.Method) throws {
        let head = try heads(of: "\(text) / HTTP/1.1\r\nHost: a\r\n\r\n").first
        #expect(head?.method == method)
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "Connection: close\r\n", false),
        ("1.1", "connection:CLOSE\r\n", false), ("1.1", "Connection: a, close ,b\r\n", false),
        ("1.1", "Connection: closed\r\n", true), ("1.1", "Connection: keep-alive\r\n", true),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false), ("1.2", "", true),
    ])
    func `whether the connection goes on`(
        _ version: String, _ line: String, _ goesOn: Bool
    ) throws {
        let head = try heads(of: "GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n").first
        #expect(head?.keepsAlive == goesOn)
    }

    @Test(arguments: [
        ("Content-Length: 0", HTTPRequestHead.Body.none), ("Content-Length: 12", .length(12)),
        ("CONTENT-LENGTH:\t12 \t", .length(12)), ("Content-Length: 007", .length(7)),
        ("Content-Length: 5\r\nContent-Length: 5", .length(5)),
        ("Content-Length: 99999999999999999999999999", .length(.max / 10)),
        ("Transfer-Encoding: Chunked", .chunked), ("X: y", .none),
    ])
    func `where the body ends`(_ lines: String, _ body: HTTPRequestHead.Body) throws {
        let head = try heads(of: "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n").first
        #expect(head?.body == body)
    }

    @Test func `HTTP/1.0 needs no host, and cannot wait to go on`() throws {
        let head = try heads(of: "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").first
        #expect(head?.minorVersion == 0)
        #expect(head?.expectsContinue == false)
    }

    @Test func `a client that asks whether it may go on`() throws {
        let text = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
        #expect(try heads(of: text).first?.expectsContinue == true)
    }

    @Test func `requests in a row, and empty lines before them`() throws {
        let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let two = "HEAD /two HTTP/1.0\r\n\r\n"
        let found = try heads(of: "\r\n\r\n" + one + two + one + "GET / HT")
        #expect(found.map(\.method) == [.get, .head, .get])
        #expect(found.map(\.byteCount) == [one.utf8.count + 4, two.utf8.count, one.utf8.count])
        // What the one before said is forgotten.
        #expect(found.map(\.keepsAlive) == [true, false, true])
    }

    @Test func `a head of the greatest size, and one that is a byte bigger`() throws {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let room = HTTPRequestParser.maximumHeadSize - start.utf8.count - 4
        let fits = start + String(repeating: "x", count: room) + "\r\n\r\n"
        #expect(try heads(of: fits).first?.byteCount == HTTPRequestParser.maximumHeadSize)
        let tooBig = start + String(repeating: "x", count: room + 1) + "\r\n\r\n"
        #expect(refusal(of: tooBig)?.status == .headTooLarge)
    }

    @Test func `as many header lines as are allowed, and one more`() throws {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let lines = String(repeating: "a: b\r\n", count: HTTPRequestParser.maximumHeaderCount - 1)
        #expect(try heads(of: start + lines + "\r\n").count == 1)
        #expect(refusal(of: start + lines + "a: b\r\n\r\n")?.status == .headTooLarge)
    }

    @Test(arguments: refused)
    func `what is refused`(_ text: String, _ status: HTTPStatus) {
        #expect(refusal(of: text)?.status == status, "\(text.debugDescription)")
    }

    /// Heads that are refused, also when they come after one that is not.
    static let refused: [(String, HTTPStatus)] = [
        // Request lines.
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .badRequest),
        ("GET /\r\n", .badRequest),
        ("GET  / HTTP/1.1\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1 \r\n\r\n", .badRequest),
        ("GET /a b HTTP/1.1\r\n\r\n", .badRequest),
        ("GET /\u{7F} HTTP/1.1\r\n\r\n", .badRequest),
        ("GET /ä HTTP/1.1\r\n\r\n", .badRequest),
        (" GET / HTTP/1.1\r\n\r\n", .badRequest),
        ("G(T / HTTP/1.1\r\n\r\n", .badRequest),
        ("\nGET / HTTP/1.1\r\n\r\n", .badRequest),
        ("\rGET / HTTP/1.1\r\n\r\n", .badRequest),
        ("GET / http/1.1\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\r\n\r\n", .badRequest),
        ("GET / HTTP/11\r\n\r\n", .badRequest),
        ("GET / HTTP/x.1\r\n\r\n", .badRequest),
        ("\u{16}\u{3}\u{1}", .badRequest),
        ("GET / HTTP/2.0\r\n\r\n", .versionNotSupported),
        ("GET / HTTP/0.9\r\n\r\n", .versionNotSupported),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported),
        ("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\n\r\n", .targetTooLong),
        (String(repeating: "a", count: 9000), .targetTooLong),
        (String(repeating: "\r\n", count: 5000), .targetTooLong),
        // Header lines.
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nXä: b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{0}c\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7F}\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .badRequest),
        ("GET / HTTP/1.1\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", .expectationFailed),
        // Where the body ends.
        (post("Content-Length: 1\r\nContent-Length: 2"), .badRequest),
        (post("Content-Length: 1, 1"), .badRequest),
        (post("Content-Length: +1"), .badRequest),
        (post("Content-Length: -1"), .badRequest),
        (post("Content-Length: 0x1"), .badRequest),
        (post("Content-Length:"), .badRequest),
        (post("Content-Length: 1\r\nTransfer-Encoding: chunked"), .badRequest),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 0"), .badRequest),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .badRequest),
        (post("Transfer-Encoding: gzip, chunked"), .notImplemented),
        (post("Transfer-Encoding: identity"), .notImplemented),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
    ]

    private static func post(_ lines: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n"
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func `pieces of any size give the same`(_ size: Int) throws {
        let one =
            "GET /1 HTTP/1.1\r\nHost: a\r\nConnection:  x ,\tclose \r\nA: \"b\" \u{FF}\r\n\r\n"
        let texts =
            [one, "\r\n" + one + one, one + "HEAD / HTTP/1.0\r\n\r\n" + one]
            + Self.refused.flatMap { [$0.0, one + $0.0] }
        for text in texts {
            let whole = run(text, inPiecesOf: .max)
            let pieces = run(text, inPiecesOf: size)
            #expect(whole.heads == pieces.heads, "\(text.debugDescription)")
            #expect(whole.error == pieces.error, "\(text.debugDescription)")
        }
    }
}

/// All heads of a text that is not refused.
private func heads(of text: String) throws -> [HTTPRequestHead] {
    let (heads, error) = run(text, inPiecesOf: .max)
    if let error { throw error }
    return heads
}

/// Why a text is refused.
private func refusal(of text: String) -> HTTPRequestError? { run(text, inPiecesOf: .max).error }

/// Feeds a parser as a connection does: what is not used comes again, with more.
private func run(
    _ text: String, inPiecesOf size: Int
) -> (heads: [HTTPRequestHead], error: HTTPRequestError?) {
    let bytes = Array(text.utf8)
    var parser = HTTPRequestParser()
    var heads: [HTTPRequestHead] = []
    var (start, end) = (0, 0)
    while end < bytes.count {
        end += min(size, bytes.count - end)
        do throws(HTTPRequestError) {
            while let head = try parser.parse(bytes.span.extracting(start..<end)) {
                heads.append(head)
                start += head.byteCount
            }
        } catch {
            return (heads, error)
        }
    }
    return (heads, nil)
}
