// Frames that are lines.

/// Makes a frame of each line: its bytes, without LF or CR and LF.
///
/// The last line need not have an end. A line that is longer than the limit is one error; after
/// that its rest is dropped, and decoding goes on with the next line.
public struct LineDecoder: FrameDecoder, Sendable {
    /// How many bytes a line may have, its end not counted.
    public let limit: Int

    /// How many bytes are known to hold no LF.
    private var searched = 0
    /// The error was told, and the line's end has not come yet.
    private var isDiscarding = false

    /// A decoder at the beginning of a line.
    ///
    /// - Parameter limit: How many bytes a line may have, its end not counted.
    /// - Precondition: `limit` is not negative.
    public init(limit: Int = 65_536) {
        precondition(limit >= 0, "a limit of \(limit) bytes")
        self.limit = limit
    }

    /// Looks for the end of the line.
    ///
    /// - Parameters:
    ///   - bytes: Everything that was read and not used yet.
    ///   - isAtEnd: Whether nothing more will come.
    /// - Returns: The line, if its end is there.
    /// - Throws: ``StreamError/limitExceeded(limit:)``, once for each over-long line.
    public mutating func decode(
        _ bytes: Span<UInt8>, isAtEnd: Bool
    ) throws -> FrameDecoding<[UInt8]> {
        let end = Memory.firstIndex(of: .lineFeed, in: bytes, from: searched)
        if isDiscarding { return discard(bytes, to: end) }
        var length = end ?? bytes.count
        // A CR at the end may belong to the line's end, which is still to come.
        let mayEnd = end != nil || !isAtEnd
        if mayEnd, length > 0, bytes[length - 1] == .carriageReturn { length -= 1 }
        if length > limit {
            isDiscarding = true
            searched = 0
            throw StreamError.limitExceeded(limit: limit)
        }
        guard let used = end.map({ $0 + 1 }) ?? (isAtEnd && !bytes.isEmpty ? bytes.count : nil)
        else {
            searched = bytes.count
            return .needsMore
        }
        searched = 0
        return .frame(Memory.array(of: bytes.extracting(..<length)), byteCount: used)
    }

    private mutating func discard(
        _ bytes: Span<UInt8>, to end: Int?
    ) -> FrameDecoding<[UInt8]> {
        searched = 0
        if let end {
            isDiscarding = false
            return .skip(byteCount: end + 1)
        }
        return bytes.isEmpty ? .needsMore : .skip(byteCount: bytes.count)
    }
}
