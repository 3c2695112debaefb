// One array that goes out as many datagrams: the kernel cuts it, or we do.

extension UDPSocket {
    /// Sends an array as datagrams of one size, waiting whenever the kernel has no room.
    ///
    /// The kernel gets up to 64 at once, and cuts them itself, as late as it can: that takes a fraction
    /// of the time that as many datagrams take. Where it cannot, because it is older than Linux 4.18,
    /// the device makes no checksums or the datagrams are larger than its packets, they go one by one,
    /// which makes no difference to the receiver. The socket remembers that.
    ///
    /// One that cannot be sent does not keep back those after it.
    ///
    /// ## Cancellation
    /// *Partial*: those before were sent.
    ///
    /// - Parameters:
    ///   - bytes: What they carry, one after the other; of no bytes there is no datagram.
    ///   - segmentSize: How many bytes each has; the last may have fewer.
    ///   - address: Where to. A connected socket sends to its peer alone.
    /// - Returns: How many were sent, and what the others failed with.
    /// - Throws: As ``send(batch:)``.
    /// - Precondition: `segmentSize` is at least 1, and the socket is not connected.
    @discardableResult
    public nonisolated(nonsending) func send(
        _ bytes: [UInt8], segmentSize: Int, to address: SocketAddress
    ) async throws -> BatchOutcome {
        precondition(peerAddress == nil, "a connected socket sends to its peer alone")
        return try await sendSegments(bytes, segmentSize, address)
    }

    /// Sends an array as datagrams of one size to the peer of a connected socket.
    ///
    /// As ``send(_:segmentSize:to:)``.
    ///
    /// ## Cancellation
    /// *Partial*: those before were sent.
    ///
    /// - Parameters:
    ///   - bytes: What they carry, one after the other; of no bytes there is no datagram.
    ///   - segmentSize: How many bytes each has; the last may have fewer.
    /// - Returns: How many were sent, and what the others failed with.
    /// - Throws: As ``send(batch:)``.
    /// - Precondition: `segmentSize` is at least 1, and the socket is connected.
    @discardableResult
    public nonisolated(nonsending) func send(
        _ bytes: [UInt8], segmentSize: Int
    ) async throws -> BatchOutcome {
        guard let peerAddress else {
            preconditionFailure("a socket that is not connected must be told where to send")
        }
        return try await sendSegments(bytes, segmentSize, peerAddress)
    }

    private nonisolated(nonsending) func sendSegments(
        _ bytes: [UInt8], _ segmentSize: Int, _ address: SocketAddress
    ) async throws -> BatchOutcome {
        precondition(segmentSize >= 1, "segments of \(segmentSize) bytes")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward {
                try await self.sendSegments(bytes, segmentSize, address)
            }
        }
        let segments = DatagramSegments(bytes: bytes, size: segmentSize)
        return try await socket.send(
            segments.count, "send from \(localAddress)", "UDPSocket.send"
        ) { index throws(IOError) in
            try socket.sendSegments(
                segments, from: index, to: address, isConnected: peerAddress != nil)
        }
    }
}

extension SocketCore {
    /// Sends segments, from one of them on: how many the kernel took, 0 if it has no room.
    ///
    /// An error is the first one's, and names it.
    func sendSegments(
        _ segments: DatagramSegments, from index: Int, to address: SocketAddress,
        isConnected: Bool
    ) throws(IOError) -> Int {
        do throws(SystemError) {
            let sent = try send(segments, from: index, to: isConnected ? nil : address)
            let bytes = segments.range(from: index, sent).count
            bytesWritten.add(bytes)
            counters.value.operationBudget &-= bytes >> LoopCounters.bytesPerOperationShift
            return sent
        } catch {
            let size = segments.range(from: index, 1).count
            throw DatagramCalls.error(error, "send \(size) bytes to \(address)")
        }
    }

    private func send(
        _ segments: DatagramSegments, from index: Int, to address: SocketAddress?
    ) throws(SystemError) -> Int {
        var refusal: SystemError?
        if segments.count - index > 1, cutsSegments(segments) {
            do throws(SystemError) {
                return try DatagramCalls.send(
                    segments, from: index, to: address, areJoined: true, descriptor, calls)
            } catch {
                if !error.refusesSegments { throw error }
                refusal = error
            }
        }
        let sent = try DatagramCalls.send(
            segments, from: index, to: address, areJoined: false, descriptor, calls)
        // If the datagrams themselves fare no better, it was not for the cutting. That a router on the
        // way has smaller packets, told late to a connected socket, looks the same, and means the same.
        if let refusal, sent > 0 {
            use.segmentLimit =
                refusal.refusesAllSegments ? 0 : UInt16(segments.size - 1)
        }
        return sent
    }

    /// Whether the kernel is to be given segments of that size to cut.
    private func cutsSegments(_ segments: DatagramSegments) -> Bool {
        if segments.perMessage < 2 { return false }
        if !use.knowsSegmentLimit {
            use.knowsSegmentLimit = true
            if !DatagramCalls.cutsSegments(descriptor, calls) { use.segmentLimit = 0 }
        }
        return segments.size <= Int(use.segmentLimit)
    }
}
