// Sending a file, or a part of it.

extension SocketStream {
    /// Writes a file, or a part of it, without copying it through the program where the kernel can
    /// do that: sendfile(2).
    ///
    /// Where it cannot, for the file systems and devices that refuse it, the file is read and sent.
    /// Either way up to 256 KiB are read at a time on the loop's thread, which waits for the disk if
    /// they are not in memory: for files on slow disks read on the blocking pool, and write.
    ///
    /// The descriptor's own position is neither used nor moved, so several writes may share one. A
    /// file that becomes shorter meanwhile ends early; one that grows is sent up to its end at the
    /// time.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out; ``bytesWritten`` tells how many.
    ///
    /// - Parameters:
    ///   - file: A descriptor of a file that is open for reading, which the caller keeps open, and
    ///     closes.
    ///   - offset: Where in the file to begin; beyond its end there is nothing to send.
    ///   - count: How many bytes to send at most; nil for all up to the end of the file.
    /// - Returns: How many bytes were sent.
    /// - Throws: As ``write(_:)-(RawSpan)``; `.badDescriptor` or another ``IOError`` that names the
    ///   file if it cannot be read.
    /// - Precondition: `offset` is at most `Int64.max`.
    @discardableResult
    public final nonisolated(nonsending) func write(
        contentsOfFile file: CInt, offset: UInt64 = 0, count: UInt64? = nil
    ) async throws -> UInt64 {
        precondition(offset <= UInt64(Int64.max), "a file has no byte at \(offset)")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward {
                try await self.write(contentsOfFile: file, offset: offset, count: count)
            }
        }
        try beginWriting()
        defer { socket.use.isWriting = false }
        var transfer = FileTransfer(file, from: offset, count: count)
        while true {
            if !socket.spendBudget() {
                await socket.core.yield()
                try socket.check("write to \(peerName)")
            }
            switch try sendNow(&transfer, file) {
            case .sent: continue
            case .full: try await waitUntilWritable()
            case .atEnd: return transfer.sent
            }
        }
    }

    private final func sendNow(
        _ transfer: inout FileTransfer, _ file: CInt
    ) throws -> FileTransfer.Step {
        try checkOpenToWrite()
        do throws(FileTransfer.Failure) {
            return try socket.send(&transfer)
        } catch {
            throw IOError(
                error.error,
                operation: error.isOfFile
                    ? "read file descriptor \(file)" : "write to \(peerName)")
        }
    }
}

extension SocketCore {
    /// Sends what the kernel takes now of the next slice of a file.
    func send(_ transfer: inout FileTransfer) throws(FileTransfer.Failure) -> FileTransfer.Step {
        let step = try transfer.send(to: descriptor, core.scratch, calls)
        switch step {
        case .sent(let count): noteSent(count)
        case .full: clear(.writable)
        case .atEnd: break
        }
        return step
    }
}
