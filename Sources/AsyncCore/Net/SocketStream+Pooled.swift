// Reading into memory of the loop's pool: a connection that waits has none, and one that does not has what
// the last one has just used.

extension SocketStream {
    /// Reads what is there into memory of a pool, waiting until there is something.
    ///
    /// On the stream's loop nothing is allocated or copied, and a read that waits has no memory: the cheapest
    /// way to read for those who look at the bytes once, and write them somewhere. Elsewhere the bytes are
    /// copied.
    ///
    ///     while let received = try await stream.readPooled(upTo: 65_536) {
    ///         try await stream.write(received.bytes)
    ///     }
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte is lost, and the next read goes on.
    ///
    /// - Parameter count: How many bytes to read at most, of which a read takes no more than 65,536; 0
    ///   reads nothing, at once.
    /// - Returns: At least one byte; nil at the end of the stream, again and again.
    /// - Throws: As ``read(into:)``.
    /// - Precondition: `count` is not negative.
    @inlinable @inline(__always)
    public final nonisolated(nonsending) func readPooled(
        upTo count: Int
    ) async throws -> PooledBytes? {
        var step = try beginPooledRead(upTo: count, #isolation)
        while step.waiter != 0 {
            await parkTask(step.waiter)
            step = try continuePooledRead(upTo: count, step.waiter, #isolation)
        }
        guard let kept = step.result else { return try await readPooledOtherwise(upTo: count) }
        return PooledBytes(kept)
    }

    @usableFromInline
    final func beginPooledRead(
        upTo count: Int, _ isolation: (any Actor)?
    ) throws -> ReadStep<PooledBytes.Kept> {
        precondition(count >= 0, "a read of \(count) bytes")
        guard count > 0, let caller = try readerHere(isolation) else { return .otherwise }
        return try receivePooledOrPrepare(upTo: count, caller)
    }

    @usableFromInline
    final func continuePooledRead(
        upTo count: Int, _ waiter: UInt, _ isolation: (any Actor)?
    ) throws -> ReadStep<PooledBytes.Kept> {
        try endWait(StandingWait(waiter))
        if let bytes = try takeReceived() { return ReadStep(bytes) }
        return try receivePooledOrPrepare(upTo: count, Caller(isolation))
    }

    @inline(__always)
    private final func receivePooledOrPrepare(
        upTo count: Int, _ caller: Caller
    ) throws -> ReadStep<PooledBytes.Kept> {
        try readOrPrepare(caller, upTo: count) { () throws(SystemError) in
            try socket.receivePooled(upTo: count)
        }
    }

    @usableFromInline @inline(never)
    final nonisolated(nonsending) func readPooledOtherwise(
        upTo count: Int
    ) async throws -> PooledBytes? {
        guard socket.isHome(for: #isolation) else {
            let bytes = try await readOtherwise(upTo: min(count, BytePool.size))
            return bytes.map { PooledBytes($0) }
        }
        try beginReading()
        defer { socket.use.isReading = false }
        if count == 0 { return PooledBytes([]) }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            if socket.mayReceive {
                do throws(SystemError) {
                    if let kept = try socket.receivePooled(upTo: count) { return PooledBytes(kept) }
                } catch {
                    throw self.error(error, "read from")
                }
            }
            try await waitUntilReadable()
        }
    }
}
