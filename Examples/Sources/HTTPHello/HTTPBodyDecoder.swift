// Finds the end of a request's body.

/// Says which of the bytes that come belong to a request's body.
///
/// Like the parser it keeps no bytes, and the pieces in which they come make no difference. The
/// content is dropped: this server has no use for it.
public struct HTTPBodyDecoder: Sendable {
    /// What the next byte belongs to.
    private enum Place {
        case data
        case dataEnd
        case dataLineEnd
        case firstDigit
        case size
        case `extension`
        case sizeLineEnd
        case trailerStart
        case trailer
        case trailerLineEnd
        case lastLineEnd
        case complete
    }

    private var place: Place
    private let isChunked: Bool
    /// Bytes of the body, or of the chunk, that are to come.
    private var left: Int
    /// Bytes of content that may still come, in chunks that are not known yet.
    private var room: Int
    /// Digits of the chunk's size so far.
    private var digitCount = 0
    /// Bytes of extensions and trailers that may still come.
    private var roomForWords = HTTPRequestParser.maximumHeadSize

    /// A decoder at the begin of a body.
    ///
    /// - Parameters:
    ///   - body: How its end is known.
    ///   - limit: How many bytes of content it may have.
    /// - Throws: If it is known to have more.
    /// - Precondition: The limit is not negative, nor near the biggest number.
    public init(_ body: HTTPRequestHead.Body, limit: Int) throws(HTTPRequestError) {
        precondition((0...Int.max >> 8).contains(limit), "a limit of \(limit) bytes")
        room = limit
        switch body {
        case .none: (place, isChunked, left) = (.complete, false, 0)
        case .length(let length): (place, isChunked, left) = (.data, false, length)
        case .chunked: (place, isChunked, left) = (.firstDigit, true, 0)
        }
        if left > limit { throw Self.tooLarge }
        if !isChunked, left == 0 { place = .complete }
    }

    /// Whether the body has ended.
    public var isComplete: Bool { place == .complete }

    /// Takes bytes that come after those that it has taken.
    ///
    /// - Returns: How many of them belong to the body: all, unless it ends among them.
    public mutating func consume(_ bytes: Span<UInt8>) throws(HTTPRequestError) -> Int {
        var position = 0
        while position < bytes.count, !isComplete {
            if place == .data {
                let count = min(left, bytes.count - position)
                left -= count
                position += count
                if left == 0 { place = isChunked ? .dataEnd : .complete }
            } else {
                try take(bytes[position])
                position += 1
            }
        }
        return position
    }

    /// Takes a byte of what is around the data of chunks.
    private mutating func take(_ byte: UInt8) throws(HTTPRequestError) {
        switch place {
        case .firstDigit:
            left = 0
            digitCount = 0
            try take(digit: byte)
            place = .size
        case .size:
            if byte == .carriageReturn {
                place = .sizeLineEnd
            } else if byte == .semicolon || byte.isSpaceOrTab {
                place = .extension
            } else {
                try take(digit: byte)
            }
        case .extension: try take(word: byte, until: .sizeLineEnd)
        case .sizeLineEnd:
            try expect(.lineFeed, byte, then: left > 0 ? .data : .trailerStart)
            room -= left
        case .dataEnd: try expect(.carriageReturn, byte, then: .dataLineEnd)
        case .dataLineEnd: try expect(.lineFeed, byte, then: .firstDigit)
        case .trailerStart:
            place = .trailer
            try take(word: byte, until: .lastLineEnd)
        case .trailer: try take(word: byte, until: .trailerLineEnd)
        case .trailerLineEnd: try expect(.lineFeed, byte, then: .trailerStart)
        case .lastLineEnd: try expect(.lineFeed, byte, then: .complete)
        case .data, .complete: preconditionFailure("no byte to take")
        }
    }

    private mutating func take(digit byte: UInt8) throws(HTTPRequestError) {
        guard let digit = byte.hexadecimalValue else {
            throw HTTPRequestError(.badRequest, "the size of a chunk is not a number")
        }
        if left > room >> 4 { throw Self.tooLarge }
        left = left * 16 + digit
        if left > room { throw Self.tooLarge }
        // Zeros in front are a number, too, but no endless one.
        digitCount += 1
        if digitCount > 16 {
            throw HTTPRequestError(.badRequest, "the size of a chunk has too many digits")
        }
    }

    /// Takes a byte of an extension or a trailer, which a CR ends.
    private mutating func take(word byte: UInt8, until end: Place) throws(HTTPRequestError) {
        if byte == .carriageReturn {
            place = end
            return
        }
        guard byte.isValueByte else {
            throw HTTPRequestError(.badRequest, "a control character around a chunk")
        }
        roomForWords -= 1
        if roomForWords < 0 { throw HTTPRequestError(.headTooLarge, "too much around the chunks") }
    }

    private mutating func expect(
        _ expected: UInt8, _ byte: UInt8, then next: Place
    ) throws(HTTPRequestError) {
        guard byte == expected else {
            throw HTTPRequestError(.badRequest, "a chunk does not end in CR and LF")
        }
        place = next
    }

    private static let tooLarge = HTTPRequestError(.contentTooLarge, "the body is too big")
}
