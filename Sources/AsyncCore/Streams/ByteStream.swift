// What every stream of bytes promises, whatever is behind it.
//
// `checkByteStream` of AsyncCoreTesting tests these promises one by one.

/// Something that bytes are read from.
///
/// Four ways in which reading does not give bytes are told apart:
///
/// - **The end**: the other side has finished writing, and everything was read. A read returns nil,
///   again and again. It is no error.
/// - **Closed**: this side was closed, before the read or while it waited: ``IOError`` with
///   `.closed`.
/// - **Broken**: the connection has failed: ``IOError`` with `.connectionReset` or another code of
///   the world's.
/// - **Busy**: another task is in the middle of a read: ``IOError`` with `.busy`. That task is not
///   disturbed.
///
/// A read that is cancelled takes nothing: the next one goes on where the last successful one
/// ended. A task that is cancelled already reads nothing, not even what is there.
///
/// ## Isolation
/// *One reader*, of any task. A task may read while another one writes.
public protocol ReadableByteStream: AnyObject, Sendable {
    /// Reads what is there, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter count: How many bytes to read at most; 0 reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: ``IOError``; `CancellationError`.
    nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]?

    /// Reads what is there into the caller's memory, waiting until there is something.
    ///
    /// If a stream has no form of its own, this one copies what ``read(upTo:)`` gives.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter buffer: Where to put the bytes, from its start. An empty one reads nothing, at
    ///   once.
    /// - Returns: How many bytes were read, at least 1; nil at the end of the stream.
    /// - Throws: ``IOError``; `CancellationError`.
    nonisolated(nonsending) func read(into buffer: inout MutableRawSpan) async throws -> Int?

    /// Reads what is there into memory of a pool, waiting until there is something.
    ///
    /// If a stream has no form of its own, this one copies what ``read(upTo:)`` gives.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter count: How many bytes to read at most; a stream may have a limit of its own. 0 reads
    ///   nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: ``IOError``; `CancellationError`.
    nonisolated(nonsending) func readPooled(upTo count: Int) async throws -> PooledBytes?

    /// Closes this side, both directions of it, and wakes those who read or write, with `.closed`.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    nonisolated(nonsending) func close() async
}

/// Something that bytes are written to.
///
/// A write suspends until the last of its bytes is taken: by the kernel, or by the bounded buffer
/// that stands between the two sides. So a reader that does not read holds the writer up, and costs
/// no memory. Three ways in which writing fails are told apart:
///
/// - **Closed**: this side was closed, or has finished writing: ``IOError`` with `.closed`.
/// - **Broken**: nobody reads at the other side any more, or the connection has failed:
///   ``IOError`` with `.brokenPipe`, `.connectionReset` or another code of the world's. The first
///   write after the other side has gone need not know it yet; once told, it stays so.
/// - **Busy**: another task is in the middle of a write: ``IOError`` with `.busy`. That task is not
///   disturbed.
///
/// A write that is cancelled, or fails, may have written a part. ``bytesWritten`` says how much:
/// what it was before the write, and as many bytes of the write, from its start. One that is
/// cancelled before it begins writes nothing.
///
/// ## Isolation
/// *One writer*, of any task. A task may write while another one reads.
public protocol WritableByteStream: AnyObject, Sendable {
    /// Writes all bytes: suspends until the last of them is taken.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter bytes: What to write. Nothing is written, and a broken stream not noticed, if it
    ///   is empty.
    /// - Throws: ``IOError``; `CancellationError`.
    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws

    /// Writes all bytes of a span.
    ///
    /// If a stream has no form of its own, this one copies the bytes.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter bytes: What to write.
    /// - Throws: As the form that takes an array.
    nonisolated(nonsending) func write(_ bytes: RawSpan) async throws

    /// Writes several pieces, one after the other, as one write: with one system call, where the
    /// stream has system calls and they take so many.
    ///
    /// If a stream has no form of its own, this one joins the pieces.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter pieces: What to write; empty pieces do no harm.
    /// - Throws: As the form that takes an array.
    nonisolated(nonsending) func write(contentsOf pieces: [[UInt8]]) async throws

    /// Tells the other side that no more will be written: the half-close. Reading goes on.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Throws: ``IOError``: `.busy` while a write is under way, `.closed`.
    nonisolated(nonsending) func finishWriting() async throws

    /// Bytes that have gone out so far.
    ///
    /// Any thread.
    var bytesWritten: UInt64 { get }

    /// Closes this side, both directions of it, and wakes those who read or write, with `.closed`.
    ///
    /// A second call does nothing. What was written before is not lost.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    nonisolated(nonsending) func close() async
}

/// A stream of bytes in both directions, which are independent of each other.
///
/// Its two halves need no splitting: one task reads and another writes the same stream. A function
/// that only reads takes a ``ReadableByteStream``, and one that only writes a
/// ``WritableByteStream``.
public protocol ByteStream: ReadableByteStream, WritableByteStream {
    /// Bytes that were read so far.
    ///
    /// Any thread.
    var bytesRead: UInt64 { get }
}

extension ReadableByteStream {
    /// Reads what is there into the caller's memory, by way of ``read(upTo:)``.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter buffer: Where to put the bytes, from its start.
    /// - Returns: How many bytes were read; nil at the end of the stream.
    /// - Throws: As ``read(upTo:)``.
    public nonisolated(nonsending) func read(into buffer: inout MutableRawSpan) async throws -> Int?
    {
        guard let bytes = try await read(upTo: buffer.byteCount) else { return nil }
        Memory.copy(bytes, into: &buffer)
        return bytes.count
    }
}

extension ReadableByteStream {
    /// Reads what is there into memory of its own, by way of ``read(upTo:)``.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost.
    ///
    /// - Parameter count: How many bytes to read at most; 0 reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: As ``read(upTo:)``.
    public nonisolated(nonsending) func readPooled(upTo count: Int) async throws -> PooledBytes? {
        try await read(upTo: min(count, Int(Int32.max))).map { PooledBytes($0) }
    }
}

extension WritableByteStream {
    /// Writes a copy of the bytes of a span.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter bytes: What to write.
    /// - Throws: As the form that takes an array.
    public nonisolated(nonsending) func write(_ bytes: RawSpan) async throws {
        try await write(Memory.array(of: bytes))
    }

    /// Writes several pieces, joined.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter pieces: What to write.
    /// - Throws: As the form that takes an array.
    public nonisolated(nonsending) func write(contentsOf pieces: [[UInt8]]) async throws {
        try await write(Array(pieces.joined()))
    }

    /// Writes a text in UTF-8.
    ///
    /// ## Cancellation
    /// *Partial*: ``bytesWritten`` tells how many went out.
    ///
    /// - Parameter text: What to write.
    /// - Throws: As the form that takes an array.
    public nonisolated(nonsending) func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }
}
