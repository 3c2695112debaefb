// Messages within a stream of bytes.

/// What a decoder makes of the bytes that are there.
public enum FrameDecoding<Frame> {
    /// A frame, made of the first `byteCount` bytes, which are at least one.
    case frame(Frame, byteCount: Int)
    /// No frame: the first `byteCount` bytes, which are at least one, are dropped.
    case skip(byteCount: Int)
    /// No frame yet.
    case needsMore
}

/// Cuts a stream of bytes into frames, however the bytes come.
///
/// A decoder sees all bytes that were read and belong to no frame yet, and says what to make of
/// their beginning. It may keep notes from one call to the next, such as how far it has searched: the
/// bytes then begin with those of the call before, unless that one gave a frame or skipped some.
///
/// A decoder of records of 16 bytes, in full:
///
/// ```swift
/// struct RecordDecoder: FrameDecoder {
///     mutating func decode(_ bytes: Span<UInt8>, isAtEnd: Bool) -> FrameDecoding<[UInt8]> {
///         if bytes.count < 16 { return .needsMore }
///         return .frame((0..<16).map { bytes[$0] }, byteCount: 16)
///     }
/// }
/// ```
public protocol FrameDecoder {
    /// What comes out.
    associatedtype Frame

    /// Looks at the bytes that are there.
    ///
    /// An error leaves the bytes where they are; the next call sees them again.
    ///
    /// - Parameters:
    ///   - bytes: Everything that was read and not used yet.
    ///   - isAtEnd: Whether nothing more will come. To need more then is the error
    ///     ``StreamError/endedEarly(received:)``, if there are bytes left.
    /// - Returns: A frame, a number of bytes to drop, or that more is needed.
    /// - Throws: If the bytes are wrong.
    mutating func decode(_ bytes: Span<UInt8>, isAtEnd: Bool) throws -> FrameDecoding<Frame>
}

extension BufferedReader {
    /// Reads one frame.
    ///
    /// For the next one, pass the same decoder again: it may keep notes.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter decoder: Says where frames end.
    /// - Returns: The frame; nil at the end of the stream.
    /// - Throws: What the decoder throws; ``StreamError/endedEarly(received:)`` if the stream ends
    ///   within a frame. The bytes stay with the reader. Otherwise as ``read(upTo:)``.
    public nonisolated(nonsending) func readFrame<Decoder: FrameDecoder>(
        using decoder: inout Decoder
    ) async throws -> Decoder.Frame? {
        try await begin()
        defer { end() }
        while true {
            let count = state.value.buffer.count
            let isAtEnd = state.value.hasEnded
            if count == 0 && isAtEnd { return nil }
            let decoding = try state.value.buffer.withSpan {
                try decoder.decode($0, isAtEnd: isAtEnd)
            }
            switch decoding {
            case .frame(let frame, let byteCount):
                use(byteCount)
                return frame
            case .skip(let byteCount):
                use(byteCount)
            case .needsMore:
                if isAtEnd { throw StreamError.endedEarly(received: count) }
                _ = try await fill()
            }
        }
    }

    private func use(_ byteCount: Int) {
        precondition(byteCount > 0, "a decoder makes a frame of no bytes")
        state.value.buffer.skip(byteCount)
    }

    /// The frames that are still to come, as a sequence.
    ///
    /// ```swift
    /// let (near, far) = MemoryStream.pair()
    /// try await near.write([0, 2, 104, 105])
    /// try await near.finishWriting()
    /// for try await frame in BufferedReader(far).frames(LengthPrefixDecoder(.twoBytes, limit: 100)) {
    ///     print(frame)
    /// }
    /// ```
    ///
    /// - Parameter decoder: Says where frames end.
    /// - Returns: A sequence that takes the frames out of this reader.
    public func frames<Decoder: FrameDecoder>(_ decoder: Decoder) -> FrameSequence<Decoder> {
        FrameSequence(reader: self, decoder: decoder)
    }
}

/// The frames of a stream; see ``BufferedReader/frames(_:)``.
public struct FrameSequence<Decoder: FrameDecoder>: AsyncSequence {
    /// What the decoder makes.
    public typealias Element = Decoder.Frame

    let reader: BufferedReader
    let decoder: Decoder

    /// An iterator, which takes frames out of the reader.
    ///
    /// - Returns: The iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader, decoder: decoder) }

    /// Goes through the frames of a stream.
    public struct Iterator: AsyncIteratorProtocol {
        let reader: BufferedReader
        var decoder: Decoder

        /// The next frame.
        ///
        /// After an error of the decoder's, it can be asked again; what comes then, the decoder
        /// says.
        ///
        /// ## Cancellation
        /// *No effect* on the reader: no byte is lost.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The frame; nil at the end of the stream.
        /// - Throws: As ``BufferedReader/readFrame(using:)``.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Decoder.Frame? {
            try await reader.readFrame(using: &decoder)
        }
    }
}

extension FrameSequence: Sendable where Decoder: Sendable {}
