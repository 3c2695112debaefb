// Reads heads of requests: HTTP/1.x as RFC 9112 has it, and nothing of its leniency.
//
// A parser of one's own, as the packages that have one bind it to a network library of theirs. It
// knows what a server of one page needs; it is no parser for everybody.

/// Finds the head of a request in bytes that come in pieces of any size.
///
/// It makes no strings and keeps no bytes. Each byte is looked at once: what the parser has seen, it
/// knows by its place, so it makes no difference in which pieces the bytes come.
public struct HTTPRequestParser: Sendable {
    /// How many bytes a head may have, its empty line included.
    public static let maximumHeadSize = 8192

    /// How many header lines a head may have.
    public static let maximumHeaderCount = 100

    /// What the next byte belongs to.
    private enum Place {
        case beforeRequest
        case method
        case target
        case version
        case lineStart
        case name
        case valueStart
        case value
        /// After the CR of a header line.
        case lineEnd
        /// After the CR of the empty line, or of one before the request.
        case headEnd
        case emptyLineEnd
    }

    private var place = Place.beforeRequest
    /// How many bytes have been looked at.
    private var position = 0
    /// Where the element began that `position` is in.
    private var mark = 0
    private var headerCount = 0
    private var header = HTTPHeader.other
    private var fields = HTTPFraming()
    private var head = HTTPRequestHead()

    /// A parser at the begin of a request.
    public init() {}

    /// Goes on with a request.
    ///
    /// - Parameter bytes: All that has come since the end of the last request: what the parser was
    ///   given before, and more.
    /// - Returns: The head, after which the parser is ready for the next request; nil if it is not
    ///   complete.
    /// - Throws: Why the request is refused. The parser is of no use any more.
    public mutating func parse(_ bytes: Span<UInt8>) throws(HTTPRequestError) -> HTTPRequestHead? {
        // What is beyond the limit is not looked at, so it cannot matter whether it is there.
        let end = min(bytes.count, Self.maximumHeadSize)
        while position < end {
            switch place {
            case .beforeRequest: try beginRequest(bytes[position])
            case .method: try readMethod(bytes, end)
            case .target: try readTarget(bytes, end)
            case .version: try readVersion(bytes, end)
            case .lineStart: try beginLine(bytes[position])
            case .name: try readName(bytes, end)
            case .valueStart: skipSpace(bytes, end)
            case .value: try readValue(bytes, end)
            case .lineEnd: try take(lineFeed: bytes[position], then: .lineStart)
            case .emptyLineEnd: try take(lineFeed: bytes[position], then: .beforeRequest)
            case .headEnd:
                try take(lineFeed: bytes[position], then: .beforeRequest)
                return try finish()
            }
        }
        if bytes.count < Self.maximumHeadSize { return nil }
        switch place {
        case .beforeRequest, .emptyLineEnd, .method, .target, .version:
            throw HTTPRequestError(.targetTooLong, "the request line is too long")
        default:
            throw HTTPRequestError(.headTooLarge, "the head is too long")
        }
    }

    // MARK: - The request line

    private mutating func beginRequest(_ byte: UInt8) throws(HTTPRequestError) {
        if byte == .carriageReturn {
            // An empty line after the last request's body, which some clients send.
            place = .emptyLineEnd
            position += 1
        } else {
            mark = position
            place = .method
        }
    }

    private mutating func readMethod(
        _ bytes: Span<UInt8>, _ end: Int
    ) throws(HTTPRequestError) {
        var at = position
        while at < end, bytes[at].isTokenByte { at += 1 }
        position = at
        if at == end { return }
        guard bytes[at] == .space, at > mark else {
            throw HTTPRequestError(.badRequest, "the method is not a token")
        }
        if bytes.extracting(mark..<at).equals("GET") {
            head.method = .get
        } else if bytes.extracting(mark..<at).equals("HEAD") {
            head.method = .head
        }
        move(to: .target)
    }

    private mutating func readTarget(
        _ bytes: Span<UInt8>, _ end: Int
    ) throws(HTTPRequestError) {
        var at = position
        while at < end, bytes[at] > .space, bytes[at] < .delete { at += 1 }
        position = at
        if at == end { return }
        guard bytes[at] == .space, at > mark else {
            throw HTTPRequestError(
                .badRequest, "the target is empty, or has a byte it must not have")
        }
        head.target = mark..<at
        move(to: .version)
    }

    private mutating func readVersion(
        _ bytes: Span<UInt8>, _ end: Int
    ) throws(HTTPRequestError) {
        while position < end {
            let byte = bytes[position]
            let offset = position - mark
            if offset == 5, byte.isDigit, byte != .one {
                throw HTTPRequestError(.versionNotSupported, "this is an HTTP/1.1 server")
            }
            if offset == 7, byte.isDigit {
                head.minorVersion = Int(byte - .zero)
            } else if !Self.isVersionByte(byte, at: offset) {
                throw HTTPRequestError(.badRequest, "the request line does not end in HTTP/1.1")
            }
            position += 1
            if byte == .lineFeed {
                place = .lineStart
                return
            }
        }
    }

    /// Whether `byte` is the one at `offset` of "HTTP/1.", a digit, CR and LF.
    private static func isVersionByte(_ byte: UInt8, at offset: Int) -> Bool {
        switch offset {
        case 0: byte == UInt8(ascii: "H")
        case 1, 2: byte == UInt8(ascii: "T")
        case 3: byte == UInt8(ascii: "P")
        case 4: byte == UInt8(ascii: "/")
        case 5: byte == .one
        case 6: byte == UInt8(ascii: ".")
        case 8: byte == .carriageReturn
        case 9: byte == .lineFeed
        default: false
        }
    }

    // MARK: - Header lines

    private mutating func beginLine(_ byte: UInt8) throws(HTTPRequestError) {
        if byte == .carriageReturn {
            place = .headEnd
            position += 1
            return
        }
        if byte == .space || byte == .tab {
            throw HTTPRequestError(.badRequest, "a header line is folded")
        }
        headerCount += 1
        if headerCount > Self.maximumHeaderCount {
            throw HTTPRequestError(.headTooLarge, "there are too many header lines")
        }
        mark = position
        place = .name
    }

    private mutating func readName(_ bytes: Span<UInt8>, _ end: Int) throws(HTTPRequestError) {
        var at = position
        while at < end, bytes[at].isTokenByte { at += 1 }
        position = at
        if at == end { return }
        guard bytes[at] == .colon, at > mark else {
            throw HTTPRequestError(.badRequest, "the name of a header is not a token")
        }
        header = HTTPHeader(name: bytes.extracting(mark..<at))
        move(to: .valueStart)
    }

    private mutating func skipSpace(_ bytes: Span<UInt8>, _ end: Int) {
        while position < end {
            guard bytes[position].isSpaceOrTab else {
                mark = position
                place = .value
                return
            }
            position += 1
        }
    }

    private mutating func readValue(_ bytes: Span<UInt8>, _ end: Int) throws(HTTPRequestError) {
        var at = position
        while at < end, bytes[at].isValueByte { at += 1 }
        position = at
        if at == end { return }
        guard bytes[at] == .carriageReturn else {
            throw HTTPRequestError(.badRequest, "the value of a header has a control character")
        }
        if header != .other {
            var last = at
            while last > mark, bytes[last - 1].isSpaceOrTab { last -= 1 }
            try fields.take(header, bytes.extracting(mark..<last))
        }
        move(to: .lineEnd)
    }

    // MARK: - Moving on

    private mutating func take(
        lineFeed byte: UInt8, then next: Place
    ) throws(HTTPRequestError) {
        guard byte == .lineFeed else {
            throw HTTPRequestError(.badRequest, "a CR without LF")
        }
        move(to: next)
    }

    /// Skips the byte that ended an element.
    private mutating func move(to next: Place) {
        position += 1
        mark = position
        place = next
    }

    private mutating func finish() throws(HTTPRequestError) -> HTTPRequestHead {
        var head = head
        head.byteCount = position
        try fields.complete(&head)
        self = HTTPRequestParser()
        return head
    }
}
