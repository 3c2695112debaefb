// What the header lines say about where a request ends, and whether the connection goes on.

/// The headers that matter to this server.
enum HTTPHeader: Sendable {
    case host
    case connection
    case contentLength
    case transferEncoding
    case expect
    case other

    init(name: Span<UInt8>) {
        // The length tells all of them apart.
        switch name.count {
        case 4 where name.equals(ignoringCase: "host"): self = .host
        case 6 where name.equals(ignoringCase: "expect"): self = .expect
        case 10 where name.equals(ignoringCase: "connection"): self = .connection
        case 14 where name.equals(ignoringCase: "content-length"): self = .contentLength
        case 17 where name.equals(ignoringCase: "transfer-encoding"): self = .transferEncoding
        default: self = .other
        }
    }
}

/// The headers of one request, as far as they matter.
///
/// Whatever could make this server and a proxy before it disagree on where a request ends is
/// refused: that is how requests are smuggled.
struct HTTPFraming: Sendable {
    private var hasHost = false
    private var saysClose = false
    private var saysKeepAlive = false
    private var contentLength: Int?
    private var isChunked = false
    private var expectsContinue = false

    /// Takes a header line; `value` has no spaces around it.
    mutating func take(_ header: HTTPHeader, _ value: Span<UInt8>) throws(HTTPRequestError) {
        switch header {
        case .host:
            if hasHost { throw HTTPRequestError(.badRequest, "more than one Host") }
            hasHost = true
        case .connection:
            value.forEachListElement { element in
                if element.equals(ignoringCase: "close") { saysClose = true }
                if element.equals(ignoringCase: "keep-alive") { saysKeepAlive = true }
            }
        case .contentLength: try take(contentLength: value)
        case .transferEncoding:
            if isChunked { throw HTTPRequestError(.badRequest, "more than one Transfer-Encoding") }
            guard value.equals(ignoringCase: "chunked") else {
                throw HTTPRequestError(.notImplemented, "no Transfer-Encoding but chunked")
            }
            isChunked = true
        case .expect:
            guard value.equals(ignoringCase: "100-continue") else {
                throw HTTPRequestError(.expectationFailed, "no Expect but 100-continue")
            }
            expectsContinue = true
        case .other: break
        }
    }

    private mutating func take(contentLength value: Span<UInt8>) throws(HTTPRequestError) {
        var length = 0
        for index in value.indices {
            guard value[index].isDigit else {
                throw HTTPRequestError(.badRequest, "the Content-Length is not a number")
            }
            // One that is too big for an Int is too big for any body, too.
            let (tens, overflows) = length.multipliedReportingOverflow(by: 10)
            length = overflows || tens > .max - 9 ? .max / 10 : tens + Int(value[index] - .zero)
        }
        if value.isEmpty { throw HTTPRequestError(.badRequest, "the Content-Length is empty") }
        if let contentLength, contentLength != length {
            throw HTTPRequestError(.badRequest, "two Content-Lengths that differ")
        }
        contentLength = length
    }

    /// Puts what the lines say together, at the end of the head.
    func complete(_ head: inout HTTPRequestHead) throws(HTTPRequestError) {
        if head.minorVersion >= 1 {
            if !hasHost { throw HTTPRequestError(.badRequest, "no Host") }
            head.keepsAlive = !saysClose
            head.expectsContinue = expectsContinue
        } else {
            if isChunked { throw HTTPRequestError(.badRequest, "HTTP/1.0 has no chunks") }
            head.keepsAlive = saysKeepAlive && !saysClose
        }
        if isChunked {
            if contentLength != nil {
                throw HTTPRequestError(.badRequest, "both Content-Length and Transfer-Encoding")
            }
            head.body = .chunked
        } else if let contentLength, contentLength > 0 {
            head.body = .length(contentLength)
        }
    }
}
