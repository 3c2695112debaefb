// A TCP connection as a stream of bytes.

/// A TCP connection.
///
/// It belongs to the loop that made it; calls from elsewhere are forwarded, and cost two thread hops. A stream that nobody holds any
/// more is closed; ``close()`` does so at once. An idle stream holds no buffer.
///
/// ## Isolation
/// *One reader and one writer*: a second task that reads, or writes, meanwhile gets ``IOError`` with `.busy`.
public final class TCPStream: Sendable {
    let socket: SocketCore

    /// The address of this end.
    public let localAddress: SocketAddress

    /// The address of the other end.
    public let peerAddress: SocketAddress

    init(_ socket: SocketCore, local: SocketAddress, peer: SocketAddress) {
        self.socket = socket
        localAddress = local
        peerAddress = peer
    }

    // MARK: - Reading

    /// Reads what is there into the caller's memory, waiting until there is something.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost, and the next read goes on.
    ///
    /// - Parameter buffer: Where to put the bytes, from its start. An empty one reads nothing, at once.
    /// - Returns: How many bytes were read, at least 1; nil at the end of the stream, again and again.
    /// - Throws: ``IOError``: `.connectionReset`, `.timedOut`, `.closed` (before or meanwhile), `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    public nonisolated(nonsending) func read(into buffer: inout MutableRawSpan) async throws -> Int? {
        guard socket.core.isCurrent else {
            guard let bytes = try await read(upTo: buffer.byteCount) else { return nil }
            Memory.copy(bytes, into: &buffer)
            return bytes.count
        }
        try beginReading()
        defer { socket.isReading = false }
        if buffer.byteCount == 0 { return 0 }
        if !socket.core.spendBudget() { await socket.core.yield() }
        while true {
            if let result = try readNow(&buffer) { return result == 0 ? nil : result }
            try await waitUntilReadable()
        }
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
    public nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        precondition(count >= 0, "a read of \(count) bytes")
        guard socket.core.isCurrent else {
            return try await socket.forward { try await self.read(upTo: count) }
        }
        try beginReading()
        defer { socket.isReading = false }
        if count == 0 { return [] }
        if !socket.core.spendBudget() { await socket.core.yield() }
        while true {
            if mayRead {
                let (bytes, result) = Socket.receive(
                    socket.watch.descriptor, upTo: count, socket.calls)
                if let result = try account(received: result, of: count) {
                    return result == 0 ? nil : bytes
                }
            }
            try await waitUntilReadable()
        }
    }

    private func beginReading() throws {
        try socket.core.checkOperation()
        guard socket.watch.isOpen else { throw error(.closed, "read from") }
        if socket.isReading { throw error(.busy, "read from", "another task is reading") }
        socket.isReading = true
    }

    /// Whether the kernel has reported something to read since the last time that nothing was left.
    private var mayRead: Bool {
        socket.watch.isOpen && !socket.watch.readiness.isDisjoint(with: .endsReadWait)
    }

    /// Nil if there is nothing to read yet; 0 at the end.
    private func readNow(_ buffer: inout MutableRawSpan) throws -> Int? {
        guard mayRead else { return nil }
        let result = Socket.receive(socket.watch.descriptor, into: &buffer, socket.calls)
        return try account(received: result, of: buffer.byteCount)
    }

    private func account(received result: Int, of count: Int) throws -> Int? {
        socket.core.counters.receives &+= 1
        if result >= 0 {
            socket.bytesRead &+= UInt64(result)
            socket.core.spendBudget(bytes: result)
            // A short read means "drained", which saves the read that would only say EAGAIN; but not when the end has been
            // reported: data and end that came together give one edge, and the end must still be read.
            if result < count, socket.watch.readiness.isDisjoint(with: .final) {
                socket.watch.clear(.readable)
            }
            return result
        }
        let error = SystemError(errno: Int32(-result))
        if error.wouldBlock {
            // All of it: after an error was reported and fetched there may be nothing, and no further edge for what was said.
            socket.watch.clear(.endsReadWait)
            return nil
        }
        throw IOError(error, operation: "read from \(peerAddress)")
    }

    private nonisolated(nonsending) func waitUntilReadable() async throws {
        let outcome = await socket.watch.wait(.read, "TCPStream.read")
        if outcome == .closed { throw error(.closed, "read from") }
        try LoopCore.check(outcome)
    }

    // MARK: - Writing

    /// Writes all bytes: suspends until the kernel has taken the last of them.
    ///
    /// There is no buffer in between: a peer that does not read holds the writer up, and costs no memory.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many. Close the stream, or go on from there.
    ///
    /// - Parameter bytes: What to write. Nothing is written, and no error found, if it is empty.
    /// - Throws: ``IOError``: `.brokenPipe`, `.connectionReset`, `.timedOut`, `.closed` (before or meanwhile, also after
    ///   ``finishWriting()``), `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    public nonisolated(nonsending) func write(_ bytes: RawSpan) async throws {
        guard socket.core.isCurrent else {
            let copy = Memory.array(of: bytes)
            return try await socket.forward { try await self.write(copy) }
        }
        try beginWriting()
        defer { socket.isWriting = false }
        if !socket.core.spendBudget() { await socket.core.yield() }
        var rest = bytes
        while rest.byteCount > 0 {
            guard socket.watch.isOpen else { throw error(.closed, "write to") }
            let result = Socket.send(socket.watch.descriptor, rest, socket.calls)
            let taken = try account(sent: result, of: rest.byteCount)
            rest = rest.extracting(droppingFirst: taken)
            if rest.byteCount > 0 { try await waitUntilWritable() }
        }
    }

    /// Writes all bytes. See ``write(_:)-(RawSpan)``.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameter bytes: What to write.
    public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        // SAFETY: UInt8 has no padding, so all of its bytes are initialised, which is what `bytes` asks for.
        try await write(unsafe bytes.span.bytes)
    }

    /// Writes a text in UTF-8. See ``write(_:)-(RawSpan)``.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameter text: What to write.
    public nonisolated(nonsending) func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    private func beginWriting() throws {
        try socket.core.checkOperation()
        guard socket.watch.isOpen else { throw error(.closed, "write to") }
        if socket.hasFinishedWriting { throw error(.closed, "write to", "after finishWriting()") }
        if socket.isWriting { throw error(.busy, "write to", "another task is writing") }
        socket.isWriting = true
    }

    private func account(sent result: Int, of count: Int) throws -> Int {
        socket.core.counters.sends &+= 1
        if result >= 0 {
            socket.bytesWritten &+= UInt64(result)
            socket.core.spendBudget(bytes: result)
            // The kernel's buffer is full: it will tell when there is room.
            if result < count { socket.watch.clear(.writable) }
            return result
        }
        let error = SystemError(errno: Int32(-result))
        if error.wouldBlock {
            socket.watch.clear(.writable)
            return 0
        }
        throw IOError(error, operation: "write to \(peerAddress)")
    }

    private nonisolated(nonsending) func waitUntilWritable() async throws {
        // An error that is known already gives no further edge: the next send fetches it.
        if !socket.watch.readiness.isDisjoint(with: [.error, .hangUp]) { return await socket.core.yield() }
        let outcome = await socket.watch.wait(.write, "TCPStream.write")
        if outcome == .closed { throw error(.closed, "write to") }
        try LoopCore.check(outcome)
    }

    // MARK: - The end

    /// Tells the peer that no more will be written; reading goes on. A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Throws: ``IOError``: `.busy` while a write is under way, `.closed`, or what shutdown(2) says.
    public nonisolated(nonsending) func finishWriting() async throws {
        guard socket.core.isCurrent else {
            return try await socket.forward { try await self.finishWriting() }
        }
        guard socket.watch.isOpen else { throw error(.closed, "finish writing to") }
        if socket.isWriting { throw error(.busy, "finish writing to", "a write is under way") }
        if socket.hasFinishedWriting { return }
        do {
            try Socket.finishWriting(socket.watch.descriptor, socket.calls)
        } catch {
            throw IOError(error, operation: "finish writing to \(peerAddress)")
        }
        socket.hasFinishedWriting = true
    }

    /// Closes the connection, and wakes those who read or write, with `.closed`. A second call does nothing.
    ///
    /// Nothing is left unsent on this side, as a write suspends until the kernel has everything. When it returns, the descriptor is
    /// released.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { await socket.close() }

    /// Runs `body` with this connection, and closes it at the end, however the body ends.
    ///
    /// One cancellation handler serves all waits of the body, which makes each wait cheaper.
    ///
    /// ## Cancellation
    /// The body sees it; the connection is closed all the same.
    ///
    /// - Throws: What `body` throws.
    public nonisolated(nonsending) func withConnection<R>(
        _ body: nonisolated(nonsending) (TCPStream) async throws -> R
    ) async throws -> R {
        do {
            let value = try await socket.core.withStandingHandler { try await body(self) }
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }

    private func error(_ code: IOError.Code, _ verb: String, _ detail: String? = nil) -> IOError {
        IOError(code, operation: "\(verb) \(peerAddress)", detail: detail)
    }

    /// Bytes read so far. Exact on the stream's loop.
    public var bytesRead: UInt64 { socket.bytesRead }

    /// Bytes that the kernel has taken so far. Exact on the stream's loop.
    public var bytesWritten: UInt64 { socket.bytesWritten }
}
