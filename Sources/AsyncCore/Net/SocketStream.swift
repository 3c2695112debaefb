// A connection of a stream socket as a stream of bytes: what TCP and Unix connections share.

/// A connection through a socket: a ``TCPStream`` or a ``UnixStream``.
///
/// It belongs to the loop that made it; calls from elsewhere are forwarded, and cost two thread
/// hops. A stream that nobody holds any more is closed; ``close()`` does so at once. An idle stream
/// holds no buffer.
///
/// ## Isolation
/// *One reader and one writer*: a second task that reads, or writes, meanwhile gets ``IOError``
/// with `.busy`.
public class SocketStream: ByteStream, @unchecked Sendable {
    // SAFETY: what is stored here and in the subclasses, which are all in this module, never
    // changes. A class, and its methods final, so that what is shared costs no call more.
    final let socket: SocketCore
    private final let kind: Kind

    /// Whose stream it is, for diagnosis.
    enum Kind { case tcp, unix }

    init(_ socket: SocketCore, _ kind: Kind) {
        self.socket = socket
        self.kind = kind
    }

    /// The other end, for errors.
    var peerName: String { "a socket" }

    // MARK: - Reading

    /// Reads what is there into the caller's memory, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost, and the next read goes on.
    ///
    /// - Parameter buffer: Where to put the bytes, from its start. An empty one reads nothing, at
    ///   once.
    /// - Returns: How many bytes were read, at least 1; nil at the end of the stream, again and
    ///   again.
    /// - Throws: ``IOError``: `.connectionReset`, `.timedOut`, `.closed` (before or meanwhile),
    ///   `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    @inlinable @inline(__always)
    public final nonisolated(nonsending) func read(into buffer: inout MutableRawSpan) async throws
        -> Int?
    {
        var step = try beginRead(into: &buffer, #isolation)
        while step.waiter != 0 {
            await parkTask(step.waiter)
            step = try continueRead(into: &buffer, step.waiter, #isolation)
        }
        guard let count = step.result else { return try await readOtherwise(into: &buffer) }
        return count == 0 ? nil : count
    }

    /// Reads what is there, waiting until there is something.
    ///
    /// The array is made when the bytes are there, so a waiting read holds no memory for them.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost, and the next read goes on.
    ///
    /// - Parameter count: How many bytes to read at most; 0 reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: As ``read(into:)``.
    /// - Precondition: `count` is not negative.
    @inlinable @inline(__always)
    public final nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        var step = try beginRead(upTo: count, #isolation)
        while step.waiter != 0 {
            await parkTask(step.waiter)
            step = try continueRead(upTo: count, step.waiter, #isolation)
        }
        guard let bytes = step.result else { return try await readOtherwise(upTo: count) }
        return bytes.isEmpty ? nil : bytes
    }

    @inline(__always)
    final func beginReading(_ task: TaskIdentity = .running) throws {
        if !socket.mayOperate(task) || socket.use.isReading { throw refusalToRead }
        socket.use.isReading = true
    }

    @inline(__always)
    final nonisolated(nonsending) func waitUntilReadable() async throws {
        let outcome = await socket.wait(.read, whatReads)
        if outcome != .completed { throw error(of: outcome, "read from") }
    }

    /// What a wait for something to read is called.
    @inline(__always)
    final var whatReads: StaticString { kind == .tcp ? "TCPStream.read" : "UnixStream.read" }

    // MARK: - Writing

    /// Writes all bytes: suspends until the kernel has taken the last of them.
    ///
    /// There is no buffer in between: a peer that does not read holds the writer up, and costs no
    /// memory.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many. Close the stream,
    /// or go on from there.
    ///
    /// - Parameter bytes: What to write. Nothing is written, and no error found, if it is empty.
    /// - Throws: ``IOError``: `.brokenPipe`, `.connectionReset`, `.timedOut`, `.closed` (before or
    ///   meanwhile, also after ``finishWriting()``), `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    @inlinable @inline(__always)
    public final nonisolated(nonsending) func write(_ bytes: RawSpan) async throws {
        let sent = try writeAtOnce(bytes, #isolation)
        if sent < bytes.byteCount { try await writeRest(of: bytes, after: sent) }
    }

    /// Writes all bytes.
    ///
    /// See the form that takes a span.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameter bytes: What to write.
    /// - Throws: As the form that takes a span.
    @inlinable @inline(__always)
    public final nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        let sent = try writeAtOnce(bytes, #isolation)
        if sent < bytes.count { try await writeRest(of: bytes, after: sent) }
    }

    /// Writes several pieces, one after the other, as one write: with one system call for up to 64
    /// of them.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameter pieces: What to write; empty pieces do no harm.
    /// - Throws: As the form that takes a span.
    public final nonisolated(nonsending) func write(contentsOf pieces: [[UInt8]]) async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.write(contentsOf: pieces) }
        }
        try beginWriting()
        defer { socket.use.isWriting = false }
        if !socket.spendBudget() { await socket.core.yield() }
        var rest = SocketPieces(pieces)
        while !rest.isEmpty {
            let now = rest
            var tookAll = false
            let sent = try writeNow { () throws(SystemError) in
                let (sent, all) = try socket.send(now)
                tookAll = all
                return sent
            }
            rest.advance(by: sent)
            if rest.isEmpty { return }
            if tookAll {
                if !socket.spendBudget() { await socket.core.yield() }
            } else {
                try await waitUntilWritable()
            }
        }
    }

    /// Writes a text in UTF-8.
    ///
    /// See the form that takes a span.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameter text: What to write.
    /// - Throws: As the form that takes a span.
    public final nonisolated(nonsending) func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    final func beginWriting() throws {
        try checkMayWrite()
        socket.use.isWriting = true
    }

    /// Asks what every write asks first.
    @inline(__always)
    final func checkMayWrite() throws {
        let use = socket.use
        if !socket.mayOperate || use.isWriting || use.hasFinishedWriting { throw refusalToWrite }
    }

    @inline(__always)
    final func checkOpenToWrite() throws {
        guard socket.isOpen else { throw error(.closed, "write to") }
    }

    /// How many bytes the kernel took.
    @inline(__always)
    final func writeNow(_ send: () throws(SystemError) -> Int) throws -> Int {
        try checkOpenToWrite()
        do throws(SystemError) {
            return try send()
        } catch {
            throw self.error(error, "write to")
        }
    }

    final nonisolated(nonsending) func waitUntilWritable() async throws {
        // An error that is known already gives no further edge: the next send fetches it.
        if !socket.readiness.isDisjoint(with: [.error, .hangUp]) {
            return await socket.core.yield()
        }
        let outcome = await socket.wait(
            .write, kind == .tcp ? "TCPStream.write" : "UnixStream.write")
        if outcome != .completed { throw error(of: outcome, "write to") }
    }

    // MARK: - The end

    /// Tells the peer that no more will be written; reading goes on.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Throws: ``IOError``: `.busy` while a write is under way, `.closed`, or what shutdown(2)
    ///   says.
    public final nonisolated(nonsending) func finishWriting() async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.finishWriting() }
        }
        guard socket.isOpen else { throw error(.closed, "finish writing to") }
        if socket.use.isWriting {
            throw error(.busy, "finish writing to", "a write is under way")
        }
        if socket.use.hasFinishedWriting { return }
        do {
            try Socket.finishWriting(socket.descriptor, socket.calls)
        } catch {
            throw self.error(error, "finish writing to")
        }
        socket.use.hasFinishedWriting = true
    }

    /// Closes the connection, and wakes those who read or write, with `.closed`.
    ///
    /// A second call does nothing.
    ///
    /// Nothing is left unsent on this side, as a write suspends until the kernel has everything.
    /// When it returns, the descriptor is released.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public final nonisolated(nonsending) func close() async { await socket.close() }

    // Apart, and in boxes: an error in the making would take room in the frame of each call that waits, and
    // stand in the way of those that end well.

    @inline(never)
    private final var refusalToRead: any Error {
        if !socket.mayOperate { return socket.refusal("read from \(peerName)") }
        return error(.busy, "read from", "another task is reading")
    }

    @inline(never)
    private final var refusalToWrite: any Error {
        if !socket.mayOperate { return socket.refusal("write to \(peerName)") }
        if socket.use.hasFinishedWriting {
            return error(.closed, "write to", "after finishWriting()")
        }
        return error(.busy, "write to", "another task is writing")
    }

    @inline(never)
    final func error(of outcome: Waiter.Outcome, _ verb: StaticString) -> any Error {
        outcome == .closed ? error(IOError.Code.closed, verb) : LoopCore.error(for: outcome)
    }

    @inline(never)
    private final func error(
        _ code: IOError.Code, _ verb: StaticString, _ detail: StaticString? = nil
    ) -> any Error {
        IOError(code, operation: "\(verb) \(peerName)", detail: detail.map { "\($0)" })
    }

    @inline(never)
    final func error(_ error: SystemError, _ verb: StaticString) -> any Error {
        IOError(error, operation: "\(verb) \(peerName)")
    }

    /// Bytes read so far.
    public final var bytesRead: UInt64 { socket.bytesRead.value }

    /// Bytes that the kernel has taken so far.
    public final var bytesWritten: UInt64 { socket.bytesWritten.value }
}
