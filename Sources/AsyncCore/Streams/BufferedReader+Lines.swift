// Lines, and whatever else ends in a separator.

extension BufferedReader {
    /// Reads a line, as text.
    ///
    /// A line ends with LF, or CR and LF, or with the stream. What is no UTF-8 is replaced by
    /// U+FFFD; ``readLineBytes(limit:)`` gives the bytes as they are.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter limit: How many bytes a line may have, its end not counted.
    /// - Returns: The line without its end; nil at the end of the stream.
    /// - Throws: ``StreamError/limitExceeded(limit:)`` if the line is longer; its bytes stay with
    ///   the reader: read them otherwise, or drop them with ``discardLine()``. Else as
    ///   ``read(upTo:)``.
    /// - Precondition: `limit` is not negative.
    public nonisolated(nonsending) func readLine(limit: Int = 65_536) async throws -> String? {
        try await readLineBytes(limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads a line, as bytes.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter limit: How many bytes a line may have, its end not counted.
    /// - Returns: The line without its end (LF, or CR and LF); nil at the end of the stream.
    /// - Throws: As ``readLine(limit:)``.
    /// - Precondition: `limit` is not negative.
    public nonisolated(nonsending) func readLineBytes(
        limit: Int = 65_536
    ) async throws -> [UInt8]? {
        precondition(limit >= 0, "a limit of \(limit) bytes")
        try await begin()
        defer { end() }
        var searched = 0
        while true {
            let count = state.value.buffer.count
            if let end = state.value.buffer.firstIndex(of: .lineFeed, from: searched) {
                let length = lengthWithoutReturn(end)
                if length > limit { throw StreamError.limitExceeded(limit: limit) }
                let line = state.value.buffer.take(length)
                state.value.buffer.skip(end + 1 - length)
                return line
            }
            // A CR at the end may belong to the line's end, which is still to come.
            if lengthWithoutReturn(count) > limit {
                throw StreamError.limitExceeded(limit: limit)
            }
            searched = count
            if try await !fill() {
                if count > limit { throw StreamError.limitExceeded(limit: limit) }
                return count == 0 ? nil : state.value.buffer.take(count)
            }
        }
    }

    /// Drops everything up to and including the next LF: what is left of an over-long line.
    ///
    /// Nothing of it is kept in memory.
    ///
    /// ## Cancellation
    /// *Partial*: a part of the line may be dropped already; the next call goes on.
    ///
    /// - Throws: As ``read(upTo:)``.
    public nonisolated(nonsending) func discardLine() async throws {
        try await begin()
        defer { end() }
        repeat {
            if let end = state.value.buffer.firstIndex(of: .lineFeed, from: 0) {
                return state.value.buffer.skip(end + 1)
            }
            state.value.buffer.skip(state.value.buffer.count)
        } while try await fill()
    }

    /// Reads up to and including the first of several separators: asyncio's `readuntil`.
    ///
    /// Of several matches, the one that ends first counts.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameters:
    ///   - separators: What to look for; none of them is empty.
    ///   - limit: How many bytes may come before the separator.
    /// - Returns: The bytes, with the separator at their end.
    /// - Throws: ``StreamError/limitExceeded(limit:)`` if more bytes come before a separator, and
    ///   ``StreamError/endedEarly(received:)`` if the stream ends without one; in both cases all
    ///   bytes stay with the reader. Otherwise as ``read(upTo:)``.
    /// - Precondition: There are separators, none is empty, and `limit` is not negative.
    public nonisolated(nonsending) func read(
        untilAnyOf separators: [[UInt8]], limit: Int = 65_536
    ) async throws -> [UInt8] {
        precondition(limit >= 0, "a limit of \(limit) bytes")
        precondition(
            !separators.isEmpty && separators.allSatisfy { !$0.isEmpty }, "an empty separator")
        try await begin()
        defer { end() }
        let longest = separators.reduce(0) { max($0, $1.count) }
        var searched = 0
        while true {
            if let match = state.value.buffer.firstMatch(of: separators, searched: searched) {
                if match.lowerBound > limit { throw StreamError.limitExceeded(limit: limit) }
                return state.value.buffer.take(match.upperBound)
            }
            searched = state.value.buffer.count
            // No match that is still to be completed begins earlier.
            if searched - longest + 1 > limit { throw StreamError.limitExceeded(limit: limit) }
            if try await !fill() { throw StreamError.endedEarly(received: searched) }
        }
    }

    /// Reads up to and including a separator.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameters:
    ///   - separator: What to look for, in UTF-8; not empty.
    ///   - limit: How many bytes may come before the separator.
    /// - Returns: The bytes, with the separator at their end.
    /// - Throws: As ``read(untilAnyOf:limit:)``.
    /// - Precondition: `separator` is not empty, and `limit` not negative.
    public nonisolated(nonsending) func read(
        until separator: String, limit: Int = 65_536
    ) async throws -> [UInt8] {
        try await read(untilAnyOf: [Array(separator.utf8)], limit: limit)
    }

    /// The lines that are still to come, as a sequence of texts.
    ///
    /// - Parameter limit: How many bytes a line may have, its end not counted.
    /// - Returns: A sequence that takes the lines out of this reader.
    public func lines(limit: Int = 65_536) -> LineSequence {
        LineSequence(reader: self, limit: limit)
    }

    /// The first bytes of the buffer, without a CR that is the last of them.
    private func lengthWithoutReturn(_ count: Int) -> Int {
        count > 0 && state.value.buffer[count - 1] == .carriageReturn ? count - 1 : count
    }
}

/// The lines of a stream; see ``BufferedReader/lines(limit:)``.
public struct LineSequence: AsyncSequence, Sendable {
    /// A line without its end.
    public typealias Element = String

    let reader: BufferedReader
    let limit: Int

    /// An iterator, which takes lines out of the reader.
    ///
    /// - Returns: The iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader, limit: limit) }

    /// Goes through the lines of a stream.
    public struct Iterator: AsyncIteratorProtocol {
        let reader: BufferedReader
        let limit: Int

        /// The next line.
        ///
        /// ## Cancellation
        /// *No effect* on the reader: no byte is lost.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The line; nil at the end of the stream.
        /// - Throws: As ``BufferedReader/readLine(limit:)``.
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> String? {
            try await reader.readLine(limit: limit)
        }
    }
}

extension UInt8 {
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
}
