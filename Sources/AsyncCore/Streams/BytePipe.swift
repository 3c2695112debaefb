// One direction of a memory stream: a bounded buffer between one writer and one reader.

/// What a pipe knows, apart from the lock that guards it.
struct BytePipeState: Sendable {
    let capacity: Int
    private var buffer = ReadBuffer()
    var bytesWritten: UInt64 = 0
    var bytesRead: UInt64 = 0

    private(set) var isReading = false
    private(set) var isWriting = false
    /// The writer has said that no more will come.
    private(set) var hasFinished = false
    /// The end that writes was closed.
    private(set) var isWriterClosed = false
    /// The end that reads was closed.
    private(set) var isReaderClosed = false

    // Who waits is woken to look again; there is one of each at most.
    let reader = WaiterQueue<Void, Void>()
    let writer = WaiterQueue<Void, Void>()

    init(capacity: Int) { self.capacity = capacity }

    private var room: Int { capacity - buffer.count }

    /// Whether a look at the pipe gives the reader bytes, the end or an error.
    var endsReadWait: Bool {
        isReaderClosed || !buffer.isEmpty || hasFinished || isWriterClosed
    }

    /// Whether a look at the pipe gives the writer room or an error.
    var endsWriteWait: Bool { isWriterClosed || isReaderClosed || room > 0 }

    // MARK: - The reader

    mutating func beginReading() throws(IOError) {
        if isReaderClosed { throw Self.error(.closed, "read from") }
        if isReading { throw Self.error(.busy, "read from", "another task is reading") }
        isReading = true
    }

    mutating func endReading() { isReading = false }

    /// Takes bytes by `take`, which says how many it took: 0 at the end, nil if there is nothing
    /// yet.
    mutating func read(
        _ wakeups: inout Wakeups, _ take: (inout ReadBuffer) -> Int
    ) throws(IOError) -> Int? {
        if isReaderClosed { throw Self.error(.closed, "read from") }
        if buffer.isEmpty { return hasFinished || isWriterClosed ? 0 : nil }
        let count = take(&buffer)
        bytesRead += UInt64(count)
        writer.grantFirst((), &wakeups)
        return count
    }

    // MARK: - The writer

    mutating func beginWriting() throws(IOError) {
        try checkWriter("write to")
        if hasFinished { throw Self.error(.closed, "write to", "after finishWriting()") }
        isWriting = true
    }

    mutating func endWriting() { isWriting = false }

    /// Puts in what there is room for: how many bytes.
    mutating func write(
        _ bytes: [UInt8], from start: Int, _ wakeups: inout Wakeups
    ) throws(IOError) -> Int {
        if isWriterClosed { throw Self.error(.closed, "write to") }
        if isReaderClosed { throw Self.error(.brokenPipe, "write to") }
        let count = min(bytes.count - start, room)
        if count == 0 { return 0 }
        buffer.append(bytes, from: start, count: count)
        bytesWritten += UInt64(count)
        reader.grantFirst((), &wakeups)
        return count
    }

    mutating func finish(_ wakeups: inout Wakeups) throws(IOError) {
        try checkWriter("finish writing to")
        hasFinished = true
        reader.grantAll((), &wakeups)
    }

    private func checkWriter(_ verb: String) throws(IOError) {
        if isWriterClosed { throw Self.error(.closed, verb) }
        if isWriting { throw Self.error(.busy, verb, "another task is writing") }
    }

    // MARK: - The end

    /// The end that writes is closed: what was written can still be read.
    mutating func closeWriter(_ wakeups: inout Wakeups) {
        isWriterClosed = true
        wakeAll(&wakeups)
    }

    /// The end that reads is closed.
    ///
    /// - Returns: What nobody will read, for the caller to let go of without the lock.
    mutating func closeReader(_ wakeups: inout Wakeups) -> ReadBuffer {
        isReaderClosed = true
        wakeAll(&wakeups)
        defer { buffer = ReadBuffer() }
        return buffer
    }

    private func wakeAll(_ wakeups: inout Wakeups) {
        reader.grantAll((), &wakeups)
        writer.grantAll((), &wakeups)
    }

    private static func error(
        _ code: IOError.Code, _ verb: String, _ detail: String? = nil
    ) -> IOError {
        IOError(code, operation: "\(verb) a memory stream", detail: detail)
    }
}

/// One direction of a memory stream.
///
/// Any thread: a monitor guards the state.
final class BytePipe: Sendable {
    let monitor: Monitor<BytePipeState>

    init(capacity: Int) { monitor = Monitor(BytePipeState(capacity: capacity)) }

    /// Waits until `take` has taken bytes: how many; nil at the end.
    nonisolated(nonsending) func read(
        isEmptyRead: Bool, _ take: (inout ReadBuffer) -> Int
    ) async throws -> Int? {
        if !LoopCore.mayFinishAtOnce { try await yield() }
        try monitor.withLock { state throws(IOError) in try state.beginReading() }
        defer { monitor.withLock { state in state.endReading() } }
        if isEmptyRead { return 0 }
        while true {
            let count = try monitor.withLock { state, wakeups throws(IOError) in
                try state.read(&wakeups, take)
            }
            if let count { return count == 0 ? nil : count }
            try await monitor.wait("MemoryStream.read", ()) { state, _, place in
                if state.endsReadWait { return () }
                state.reader.append(place)
                return nil
            }
        }
    }

    /// Puts all bytes in, waiting for room.
    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        if !LoopCore.mayFinishAtOnce { try await yield() }
        try monitor.withLock { state throws(IOError) in try state.beginWriting() }
        defer { monitor.withLock { state in state.endWriting() } }
        var sent = 0
        while sent < bytes.count {
            sent += try monitor.withLock { state, wakeups throws(IOError) in
                try state.write(bytes, from: sent, &wakeups)
            }
            if sent == bytes.count { return }
            try await monitor.wait("MemoryStream.write", ()) { state, _, place in
                if state.endsWriteWait { return () }
                state.writer.append(place)
                return nil
            }
        }
    }
}
