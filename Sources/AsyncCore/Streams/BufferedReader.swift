// Reading forms that need to look ahead: exact counts, lines, separators, the rest.
internal import Synchronization

/// Reads a stream by lines, counts and separators, and keeps what came along in between.
///
/// ```swift fragment
/// let reader = BufferedReader(stream)
/// guard let request = try await reader.readLine() else { return }
/// let body = try await reader.read(exactly: 1024)
/// ```
/// The reader owns the bytes that it has read ahead, so from then on read from it, not from its
/// stream. No byte is ever lost: a read that is cancelled, fails, or finds less or more than it may
/// take, leaves all bytes with the reader, and the next read begins with them. A reader that has
/// nothing ahead holds no buffer. It holds as many bytes as the limit of the call, and
/// `readSize` more, at most.
///
/// ## Isolation
/// *One reader*: a second task meanwhile gets ``IOError`` with `.busy`.
public final class BufferedReader: ReadableByteStream, @unchecked Sendable {
    // SAFETY: `state` belongs to the task that has set `isReading`, between `begin` and `end`.
    // `progress` is written by that task, and read anywhere.

    struct State {
        var buffer = ReadBuffer()
        /// The stream has told its end; it is not asked again.
        var hasEnded = false
    }

    /// Where the bytes come from.
    public let stream: any ReadableByteStream

    /// How many bytes are asked for at a time.
    public let readSize: Int

    let state = Confined(State())
    private let isReading = Atomic(false)
    /// How many bytes are buffered; -1 at the end, with none.
    private let progress = Atomic(0)

    /// A reader that has read nothing yet.
    ///
    /// - Parameters:
    ///   - stream: Where the bytes come from. Nobody else reads from it meanwhile.
    ///   - readSize: How many bytes to ask for at a time; at least 1.
    public init(_ stream: any ReadableByteStream, readSize: Int = 65_536) {
        precondition(readSize > 0, "a reader that reads \(readSize) bytes at a time")
        self.stream = stream
        self.readSize = readSize
    }

    deinit { state.deallocate() }

    /// How many bytes were read ahead, as of the last read that has ended.
    public var bufferedByteCount: Int { max(0, progress.load(ordering: .relaxed)) }

    /// Whether the end of the stream was seen, and nothing is left before it, as of the last read
    /// that has ended.
    public var isAtEnd: Bool { progress.load(ordering: .relaxed) < 0 }

    // MARK: - Some bytes

    /// Reads what is there, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter count: How many bytes to read at most; 0 reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: What reading the stream throws: ``IOError``; ``EventLoopError/stopped``;
    ///   `CancellationError`. `IOError` with `.busy` if another task is reading.
    /// - Precondition: `count` is not negative.
    public nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        precondition(count >= 0, "a read of \(count) bytes")
        try await begin()
        defer { end() }
        if count == 0 { return [] }
        if try await !hasBytes() { return nil }
        return state.value.buffer.take(min(count, state.value.buffer.count))
    }

    /// Reads what is there into the caller's memory, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter buffer: Where to put the bytes, from its start. An empty one reads nothing, at
    ///   once.
    /// - Returns: How many bytes were read, at least 1; nil at the end of the stream.
    /// - Throws: As ``read(upTo:)``.
    public nonisolated(nonsending) func read(into buffer: inout MutableRawSpan) async throws -> Int?
    {
        try await begin()
        defer { end() }
        if buffer.byteCount == 0 { return 0 }
        if try await !hasBytes() { return nil }
        return state.value.buffer.take(into: &buffer)
    }

    /// Shows the next bytes, and leaves them: waits until there are `count`, or the stream ends.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter count: How many bytes to show.
    /// - Returns: The bytes; fewer only if the stream ends before.
    /// - Throws: As ``read(upTo:)``.
    /// - Precondition: `count` is not negative.
    public nonisolated(nonsending) func peek(_ count: Int) async throws -> [UInt8] {
        precondition(count >= 0, "a look at \(count) bytes")
        try await begin()
        defer { end() }
        while state.value.buffer.count < count, try await fill() {}
        return state.value.buffer.prefix(min(count, state.value.buffer.count))
    }

    // MARK: - A number of bytes, or all

    /// Reads exactly `count` bytes: waits until they are there.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter count: How many. They are all held in memory, so bound a number that comes from
    ///   a peer.
    /// - Returns: That many bytes.
    /// - Throws: ``StreamError/endedEarly(received:)`` if the stream ends before; what has come
    ///   stays with the reader. Otherwise as ``read(upTo:)``.
    /// - Precondition: `count` is not negative.
    public nonisolated(nonsending) func read(exactly count: Int) async throws -> [UInt8] {
        precondition(count >= 0, "a read of \(count) bytes")
        try await begin()
        defer { end() }
        while state.value.buffer.count < count {
            if try await !fill() {
                throw StreamError.endedEarly(received: state.value.buffer.count)
            }
        }
        return state.value.buffer.take(count)
    }

    /// Reads everything up to the end of the stream.
    ///
    /// ## Cancellation
    /// *No effect* on the reader: no byte is lost.
    ///
    /// - Parameter limit: How many bytes at most.
    /// - Returns: The bytes; none if the end was there already.
    /// - Throws: ``StreamError/limitExceeded(limit:)`` if there are more; what has come stays with
    ///   the reader. Otherwise as ``read(upTo:)``.
    /// - Precondition: `limit` is not negative.
    public nonisolated(nonsending) func readToEnd(limit: Int) async throws -> [UInt8] {
        precondition(limit >= 0, "a limit of \(limit) bytes")
        try await begin()
        defer { end() }
        repeat {
            if state.value.buffer.count > limit { throw StreamError.limitExceeded(limit: limit) }
        } while try await fill()
        return state.value.buffer.take(state.value.buffer.count)
    }

    /// Closes the stream.
    ///
    /// What was read ahead can still be read.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { await stream.close() }

    // MARK: - One operation

    /// Begins a read of the calling task: looks at its cancellation, and lets others run if it has
    /// done much without waiting.
    nonisolated(nonsending) func begin() async throws {
        if !LoopCore.mayFinishAtOnce { try await yield() }
        let (isMine, _) = isReading.compareExchange(
            expected: false, desired: true, ordering: .acquiringAndReleasing)
        if !isMine {
            throw IOError(
                .busy, operation: "read from a buffered stream", detail: "another task is reading")
        }
    }

    func end() {
        let count = state.value.buffer.count
        progress.store(count == 0 && state.value.hasEnded ? -1 : count, ordering: .relaxed)
        isReading.store(false, ordering: .releasing)
    }

    /// Whether there are bytes, once there are some or the stream has ended.
    private nonisolated(nonsending) func hasBytes() async throws -> Bool {
        if !state.value.buffer.isEmpty { return true }
        return try await fill()
    }

    /// Reads some more; false at the end of the stream.
    nonisolated(nonsending) func fill() async throws -> Bool {
        if state.value.hasEnded { return false }
        guard let chunk = try await stream.read(upTo: readSize) else {
            state.value.hasEnded = true
            return false
        }
        state.value.buffer.append(chunk)
        return true
    }
}
