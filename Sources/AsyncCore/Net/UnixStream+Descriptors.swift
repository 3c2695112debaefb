// Passing descriptors over a Unix connection.

extension UnixStream {
    /// How many descriptors one message takes at most.
    public static let maximumDescriptors = DescriptorCalls.maximum

    /// Writes all bytes, and passes descriptors with the first of them.
    ///
    /// The other end gets descriptors of its own for the same open files; those that are passed stay
    /// open here, and may be closed when this returns. It must call
    /// ``receive(upTo:maximumDescriptors:)``: what comes to a plain read is closed.
    ///
    /// ## Cancellation
    /// *Partial*: some bytes may have gone out, which ``SocketStream/bytesWritten`` tells; the
    /// descriptors went with the first.
    ///
    /// - Parameters:
    ///   - bytes: What to write.
    ///   - descriptors: What to pass, 253 at most.
    /// - Throws: ``IOError``: `.tooManyDescriptors`, `.badDescriptor` if one of them is closed or
    ///   taken, `.resourcesExhausted` if too many are on their way, and as
    ///   `write(_:)`.
    /// - Precondition: There is at least one byte, if there are descriptors.
    public nonisolated(nonsending) func send(
        _ bytes: [UInt8], descriptors: [OwnedDescriptor]
    ) async throws {
        precondition(
            !bytes.isEmpty || descriptors.isEmpty, "descriptors go with at least one byte")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward {
                try await self.send(bytes, descriptors: descriptors)
            }
        }
        if descriptors.count > Self.maximumDescriptors {
            throw IOError(
                .tooManyDescriptors, operation: "send \(descriptors.count) descriptors",
                detail: "\(Self.maximumDescriptors) is the limit of one message")
        }
        try beginWriting()
        defer { socket.use.isWriting = false }
        if !socket.spendBudget() { await socket.core.yield() }
        var sent = 0
        while sent < bytes.count {
            sent += try writeNow { () throws(SystemError) in
                sent == 0
                    ? try socket.send(bytes, with: descriptors)
                    : try socket.send(bytes, from: sent)
            }
            if sent < bytes.count { try await waitUntilWritable() }
        }
    }

    /// Reads what is there, and takes the descriptors that came with it, waiting until there is
    /// something.
    ///
    /// The bytes end with those that had descriptors: those of two messages do not come together.
    ///
    /// ## Cancellation
    /// *No effect* on the stream: no byte and no descriptor is lost.
    ///
    /// - Parameters:
    ///   - count: How many bytes to read at most, 65,536 at most.
    ///   - maximum: How many descriptors to take at most; what comes beyond that is closed, and
    ///     counted in ``DescriptorMessage/refusedCount``.
    /// - Returns: At least one byte, and the descriptors; nil at the end of the stream.
    /// - Throws: As ``SocketStream/read(upTo:)``.
    /// - Precondition: `count` is at least 1, and `maximum` not negative.
    public nonisolated(nonsending) func receive(
        upTo count: Int, maximumDescriptors maximum: Int = UnixStream.maximumDescriptors
    ) async throws -> DescriptorMessage? {
        precondition(count >= 1, "a read of \(count) bytes")
        precondition(maximum >= 0, "a limit of \(maximum) descriptors")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward {
                try await self.receive(upTo: count, maximumDescriptors: maximum)
            }
        }
        try beginReading()
        defer { socket.use.isReading = false }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            do throws(SystemError) {
                if let message = try socket.receive(upTo: count, descriptors: maximum) {
                    return message.bytes.isEmpty ? nil : message
                }
            } catch {
                throw IOError(error, operation: "read from \(peerName)")
            }
            try await waitUntilReadable()
        }
    }
}

extension SocketCore {
    /// Sends what the kernel takes now, and descriptors with the first byte: the number of bytes, 0
    /// if it takes none.
    fileprivate func send(
        _ bytes: [UInt8], with descriptors: [OwnedDescriptor]
    ) throws(SystemError) -> Int {
        // They stay open through the call: they are held.
        let result = withExtendedLifetime(descriptors) {
            DescriptorCalls.send(descriptor, bytes, with: descriptors.map(\.number), calls)
        }
        return try account(sent: result, of: bytes.count)
    }

    /// Receives bytes and descriptors; no bytes at the end, nil if there is nothing yet.
    fileprivate func receive(
        upTo count: Int, descriptors limit: Int
    ) throws(SystemError) -> DescriptorMessage? {
        guard mayReceive else { return nil }
        let room = min(count, ScratchBuffer.size)
        let received = DescriptorCalls.receive(
            descriptor, upTo: room, limit: limit, core.scratch, calls)
        let hasStopped =
            received.refusedCount > 0 || received.hasLost || !received.descriptors.isEmpty
        guard try account(received: received.result, of: hasStopped ? 0 : room) != nil else {
            return nil
        }
        return DescriptorMessage(
            bytes: received.bytes, descriptors: received.descriptors,
            refusedCount: received.refusedCount, hasLostDescriptors: received.hasLost)
    }
}
