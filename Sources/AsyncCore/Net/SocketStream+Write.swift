// How one buffer is written. Mostly the kernel takes all of it at once: then the caller's task neither waits
// nor calls an async function, which would cost it a frame.

extension SocketStream {
    /// Sends what the kernel takes now, if a write may begin at all and need not let others run first.
    ///
    /// - Returns: How many bytes; -1 if it was not tried.
    @usableFromInline
    final func writeAtOnce(_ bytes: RawSpan, _ isolation: (any Actor)?) throws -> Int {
        guard try mayWriteAtOnce(isolation) else { return -1 }
        if bytes.isEmpty { return 0 }
        return try writeNow { () throws(SystemError) in try socket.send(bytes) }
    }

    @usableFromInline
    final func writeAtOnce(_ bytes: [UInt8], _ isolation: (any Actor)?) throws -> Int {
        guard try mayWriteAtOnce(isolation) else { return -1 }
        if bytes.isEmpty { return 0 }
        return try writeNow { () throws(SystemError) in try socket.send(bytes, from: 0) }
    }

    @inline(__always)
    private final func mayWriteAtOnce(_ isolation: (any Actor)?) throws -> Bool {
        guard socket.isHome(for: isolation) else { return false }
        try checkMayWrite()
        return socket.spendBudget()
    }

    /// Writes what ``writeAtOnce(_:_:)`` has left, of whose result it is told.
    @usableFromInline
    final nonisolated(nonsending) func writeRest(of bytes: RawSpan, after sent: Int) async throws {
        guard socket.isHome(for: #isolation) else {
            let copy = Memory.array(of: bytes)
            return try await socket.forward { try await self.write(copy) }
        }
        try beginWriting()
        defer { socket.use.isWriting = false }
        try await beginRest(after: sent)
        var rest = bytes.extracting(droppingFirst: max(sent, 0))
        while rest.byteCount > 0 {
            let now = rest
            rest = rest.extracting(
                droppingFirst: try writeNow { () throws(SystemError) in try socket.send(now) })
            if rest.byteCount > 0 { try await waitUntilWritable() }
        }
    }

    @usableFromInline
    final nonisolated(nonsending) func writeRest(of bytes: [UInt8], after sent: Int) async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.write(bytes) }
        }
        try beginWriting()
        defer { socket.use.isWriting = false }
        try await beginRest(after: sent)
        var sent = max(sent, 0)
        while sent < bytes.count {
            sent += try writeNow { () throws(SystemError) in try socket.send(bytes, from: sent) }
            if sent < bytes.count { try await waitUntilWritable() }
        }
    }

    /// Lets others run, if that is why nothing was tried; or waits, if the kernel has taken what it could.
    private final nonisolated(nonsending) func beginRest(after sent: Int) async throws {
        if sent >= 0 {
            try await waitUntilWritable()
        } else if !socket.spendBudget() {
            await socket.core.yield()
        }
    }
}
