// Two sockets that are connected with each other, by the kernel.

/// Copies all bytes from each connection to the other, until both have ended, without copying them
/// through the program where there are many: splice(2).
///
/// It keeps the promises of ``copyBidirectional(_:_:bufferSize:)``, and takes less of the processor's
/// time for bulk. Each direction begins with a buffer. After some large reads in a row its bytes go
/// through a pipe of the loop's, and after some small ones through the buffer again. A direction that
/// waits for bytes has no pipe. Where the kernel refuses, or has no descriptor left for a pipe, and
/// for connections of different loops, everything is copied.
///
/// The end of one connection is passed on to the other as a half-close, and the other direction goes
/// on. A direction that waits does not hold up the other one, and at most 256 KiB of each are under
/// way: a reader that does not read holds its writer up, through the two connections.
///
/// An error of either connection ends both directions at once, and is thrown. Neither connection is
/// closed: that is the caller's to do, who also has their `bytesWritten`.
///
/// ## Cancellation
/// *Cancels, and waits* for both directions. What was read and not written, up to 256 KiB of each, is
/// lost: close the connections.
///
/// - Parameters:
///   - first: A connection.
///   - second: Another connection. Nobody else reads or writes either meanwhile.
/// - Returns: How many bytes were copied.
/// - Throws: ``IOError`` of reading or writing; ``EventLoopError/stopped``; `CancellationError`.
@discardableResult
public nonisolated(nonsending) func spliceBidirectional(
    _ first: SocketStream, _ second: SocketStream
) async throws -> CopiedBytes {
    if first.socket.core !== second.socket.core {
        return try await copyBidirectional(first, second)
    }
    return try await runBothDirections {
        try await splice(from: first, to: second)
    } fromSecond: {
        try await splice(from: second, to: first)
    }
}

/// Copies one direction, and passes its end on.
private nonisolated(nonsending) func splice(
    from source: SocketStream, to target: SocketStream
) async throws -> UInt64 {
    guard source.socket.isHome(for: #isolation) else {
        return try await source.socket.forward { try await splice(from: source, to: target) }
    }
    let pipes = source.socket.core.pipes
    pipes.enter()
    defer { pipes.leave() }
    var flow = SpliceFlow()
    var total: UInt64 = 0
    copying: while true {
        if !flow.splices {
            guard let bytes = try await source.read(upTo: 65_536) else { break }
            try await target.write(bytes)
            total += UInt64(bytes.count)
            flow.noteCopied(bytes.count)
            continue
        }
        switch try await source.fillPipe(of: pipes) {
        case .filled(let pipe):
            total += UInt64(pipe.count)
            flow.noteSpliced(pipe.count)
            if try await !target.drain(pipe, of: pipes) { flow.refuse() }
        case .atEnd: break copying
        case .refused: flow.refuse()
        case .noPipe: flow.postpone()
        }
    }
    try await target.finishWriting()
    return total
}

/// What came of asking a connection for bytes.
enum FilledPipe {
    /// It has bytes, and is the caller's.
    case filled(TransferPipe)
    case atEnd
    /// The kernel does not do that with this connection.
    case refused
    case noPipe
}

extension SocketStream {
    /// Reads what is there into a pipe, waiting until there is something.
    ///
    /// On the loop only.
    final nonisolated(nonsending) func fillPipe(of pipes: PipePool) async throws -> FilledPipe {
        try beginReading()
        defer { socket.use.isReading = false }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            // Who waits has no pipe: there may be many who do.
            if socket.mayReceive {
                guard var pipe = pipes.take() else { return .noPipe }
                let count: Int?
                do throws(SystemError) {
                    count = try socket.receive(into: &pipe)
                } catch {
                    pipes.takeBack(pipe)
                    if error.refusesSplice { return .refused }
                    throw IOError(error, operation: "read from \(peerName)")
                }
                if let count, count > 0 { return .filled(pipe) }
                pipes.takeBack(pipe)
                if count == 0 { return .atEnd }
            }
            try await waitUntilReadable()
        }
    }

    /// Writes all bytes of a pipe, and gives it back.
    ///
    /// On the loop only.
    ///
    /// - Returns: False if the kernel does not do that with this connection, and the bytes were
    ///   copied.
    final nonisolated(nonsending) func drain(
        _ pipe: TransferPipe, of pipes: PipePool
    ) async throws -> Bool {
        var pipe = pipe
        // After an error, or a cancellation, the bytes in the pipe go with it.
        defer { pipes.takeBack(pipe) }
        let rest = try await drain(&pipe)
        if rest.isEmpty { return true }
        try await write(rest)
        return false
    }

    /// - Returns: The bytes that the kernel does not take in this way.
    private final nonisolated(nonsending) func drain(
        _ pipe: inout TransferPipe
    ) async throws -> [UInt8] {
        try beginWriting()
        defer { socket.use.isWriting = false }
        if !socket.spendBudget() { await socket.core.yield() }
        while pipe.count > 0 {
            try checkOpenToWrite()
            let sent: Int
            do throws(SystemError) {
                sent = try socket.send(&pipe)
            } catch {
                if error.refusesSplice { return try takeAll(&pipe) }
                throw IOError(error, operation: "write to \(peerName)")
            }
            if sent == 0 { try await waitUntilWritable() }
        }
        return []
    }

    private final func takeAll(_ pipe: inout TransferPipe) throws -> [UInt8] {
        do {
            return try pipe.readAll(socket.calls)
        } catch {
            throw IOError(error, operation: "read from a pipe")
        }
    }
}

extension SocketCore {
    /// Moves what is there into an empty pipe: the number of bytes, 0 at the end, nil if there is
    /// nothing yet.
    func receive(into pipe: inout TransferPipe) throws(SystemError) -> Int? {
        let result = pipe.receive(from: descriptor, calls)
        if result >= 0 {
            noteReceived(result)
            // Fewer than there is room for are no sign that nothing is left: a pipe is full of
            // pieces, not of bytes.
            return result
        }
        let error = SystemError(errno: CInt(-result))
        guard error.wouldBlock else { throw error }
        clear(.endsReadWait)
        return nil
    }

    /// Moves what the kernel takes now out of a pipe: the number of bytes, 0 if it takes none.
    func send(_ pipe: inout TransferPipe) throws(SystemError) -> Int {
        let result = pipe.send(to: descriptor, calls)
        if result >= 0 {
            noteSent(result)
            return result
        }
        let error = SystemError(errno: CInt(-result))
        guard error.wouldBlock else { throw error }
        clear(.writable)
        return 0
    }
}
