// Two ends of a connection within one process.

/// One end of a connection in memory: for tests of protocols, and between tasks.
///
/// It keeps the promises of a socket: a bounded buffer in each direction, so that a reader that does
/// not read holds the writer up; a half-close; and an end, closed and broken that are told apart. It
/// needs no descriptor and no system call, and its order depends on its tasks alone, so that tests
/// on virtual time and under seeds can be repeated.
///
/// ```swift
/// let (near, far) = MemoryStream.pair()
/// try await near.write("hello")
/// try await near.finishWriting()
/// print(try await BufferedReader(far).readToEnd(limit: 1024))
/// ```
/// When an end is closed, or nobody holds it any more, the other one reads what was written before,
/// and then the end; its writes fail with `.brokenPipe`.
///
/// ## Isolation
/// *One reader and one writer* of each end, of any task; knows no loop.
public final class MemoryStream: ByteStream {
    private let incoming: BytePipe
    private let outgoing: BytePipe

    private init(incoming: BytePipe, outgoing: BytePipe) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit { closeNow() }

    /// Both ends of a new connection.
    ///
    /// - Parameter capacity: How many bytes are kept in each direction until they are read; at
    ///   least 1. With 1, every byte comes by itself.
    /// - Returns: The two ends, which are alike.
    /// - Precondition: `capacity` is at least 1.
    public static func pair(capacity: Int = 65_536) -> (MemoryStream, MemoryStream) {
        precondition(capacity > 0, "a stream that keeps \(capacity) bytes")
        let one = BytePipe(capacity: capacity)
        let other = BytePipe(capacity: capacity)
        return (
            MemoryStream(incoming: one, outgoing: other),
            MemoryStream(incoming: other, outgoing: one)
        )
    }

    // MARK: - Reading

    /// Reads what is there, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter count: How many bytes to read at most; 0 reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: ``IOError``: `.closed` (before or meanwhile), `.busy`; `CancellationError`.
    /// - Precondition: `count` is not negative.
    public nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        precondition(count >= 0, "a read of \(count) bytes")
        var bytes: [UInt8] = []
        let taken = try await incoming.read(isEmptyRead: count == 0) { buffer in
            bytes = buffer.take(min(count, buffer.count))
            return bytes.count
        }
        return taken == nil ? nil : bytes
    }

    // MARK: - Writing

    /// Writes all bytes: suspends until the last of them is in the buffer.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter bytes: What to write. Nothing is written, and a broken stream not noticed, if it
    ///   is empty.
    /// - Throws: ``IOError``: `.brokenPipe` once the other end is closed, `.closed` (before or
    ///   meanwhile, also after ``finishWriting()``), `.busy`; `CancellationError`.
    public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await outgoing.write(bytes)
    }

    /// Tells the other end that no more will be written; reading goes on.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Throws: ``IOError``: `.busy` while a write is under way, `.closed`.
    public nonisolated(nonsending) func finishWriting() async throws {
        try outgoing.monitor.withLock { state, wakeups throws(IOError) in
            try state.finish(&wakeups)
        }
    }

    // MARK: - The end

    /// Closes this end, and wakes those who read or write, with `.closed`.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { closeNow() }

    private func closeNow() {
        outgoing.monitor.withLock { state, wakeups in state.closeWriter(&wakeups) }
        incoming.monitor.withLockReleasing { state, wakeups in state.closeReader(&wakeups) }
    }

    /// Bytes read so far.
    public var bytesRead: UInt64 { incoming.monitor.withLock { state in state.bytesRead } }

    /// Bytes that this end has put into the buffer so far.
    public var bytesWritten: UInt64 { outgoing.monitor.withLock { state in state.bytesWritten } }
}
