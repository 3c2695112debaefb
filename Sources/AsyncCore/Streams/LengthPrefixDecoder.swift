// Frames that say first how long they are.

/// A number of bytes that stands before a frame, big-endian.
public enum LengthPrefix: Int, Sendable, CaseIterable {
    /// One byte: at most 255.
    case oneByte = 1
    /// Two bytes: at most 65,535.
    case twoBytes = 2
    /// Four bytes: at most 4,294,967,295.
    case fourBytes = 4
    /// Eight bytes.
    case eightBytes = 8

    /// The largest length that it can say, as far as an `Int` can.
    public var maximum: Int {
        self == .eightBytes ? Int.max : (1 << (8 * rawValue)) - 1
    }

    /// The prefix for a frame of `count` bytes.
    ///
    /// Write it and the frame with one call:
    ///
    /// ```swift
    /// let (near, _) = MemoryStream.pair()
    /// let frame: [UInt8] = [104, 105]
    /// try await near.write(contentsOf: [LengthPrefix.fourBytes.bytes(for: frame.count), frame])
    /// ```
    ///
    /// - Parameter count: How many bytes follow.
    /// - Returns: The bytes of the number.
    /// - Precondition: `count` is not negative, and at most ``maximum``.
    public func bytes(for count: Int) -> [UInt8] {
        precondition(
            count >= 0 && count <= maximum, "a frame of \(count) bytes behind \(rawValue) of length"
        )
        return (0..<rawValue).map { UInt8(truncatingIfNeeded: count >> (8 * (rawValue - 1 - $0))) }
    }

    /// The number in the first bytes; nil if it is more than an `Int` holds.
    func length(in bytes: Span<UInt8>) -> Int? {
        var number: UInt64 = 0
        for place in 0..<rawValue { number = number << 8 | UInt64(bytes[place]) }
        return Int(exactly: number)
    }
}

/// Makes a frame of each run of bytes that follows its length.
///
/// A length above the limit is an error before any memory is taken for it. The stream cannot be read
/// on after that: each further call gives the same error.
public struct LengthPrefixDecoder: FrameDecoder, Sendable {
    /// What stands before each frame.
    public let prefix: LengthPrefix

    /// How many bytes a frame may have, its prefix not counted.
    public let limit: Int

    /// A decoder at the beginning of a frame.
    ///
    /// - Parameters:
    ///   - prefix: What stands before each frame.
    ///   - limit: How many bytes a frame may have, its prefix not counted.
    /// - Precondition: `limit` is not negative.
    public init(_ prefix: LengthPrefix, limit: Int) {
        precondition(limit >= 0, "a limit of \(limit) bytes")
        self.prefix = prefix
        self.limit = limit
    }

    /// Looks whether the frame is there.
    ///
    /// - Parameters:
    ///   - bytes: Everything that was read and not used yet.
    ///   - isAtEnd: Whether nothing more will come.
    /// - Returns: The frame without its prefix, if all of it is there.
    /// - Throws: ``StreamError/limitExceeded(limit:)``.
    public mutating func decode(
        _ bytes: Span<UInt8>, isAtEnd: Bool
    ) throws -> FrameDecoding<[UInt8]> {
        if bytes.count < prefix.rawValue { return .needsMore }
        guard let length = prefix.length(in: bytes), length <= limit else {
            throw StreamError.limitExceeded(limit: limit)
        }
        if bytes.count - prefix.rawValue < length { return .needsMore }
        let end = prefix.rawValue + length
        return .frame(
            Memory.array(of: bytes.extracting(prefix.rawValue..<end)), byteCount: end)
    }
}
