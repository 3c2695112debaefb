// Small writes, collected.
internal import Synchronization

/// Collects small writes, and passes them on together.
///
/// ```swift fragment
/// let writer = BufferedWriter(stream)
/// for name in names { try await writer.write("\(name)\r\n") }
/// try await writer.flush()
/// ```
/// A write that fills the buffer writes it out, and suspends as long as that takes: a slow reader
/// holds the writer up. What is in the buffer is not with the other side: ``flush()`` it before
/// waiting for an answer, and before closing.
///
/// A write takes all of its bytes or none; ``bytesAccepted`` tells. What was taken and has not gone
/// out, because the write was cancelled or failed, stays in the buffer, and the next flush goes on
/// there. So no byte is lost or doubled. The buffer holds `capacity` bytes, and those of one write
/// more, at most.
///
/// ## Isolation
/// *One writer*: a second task meanwhile gets ``IOError`` with `.busy`.
public final class BufferedWriter: WritableByteStream, @unchecked Sendable {
    // SAFETY: `buffer` belongs to the task that has set `isWriting`, between `begin` and `end`.
    // The counts are written by that task, and read anywhere.

    /// Where the bytes go.
    public let stream: any WritableByteStream

    /// How many bytes are collected before they are written out.
    public let capacity: Int

    private let buffer = Confined<[UInt8]>([])
    private let isWriting = Atomic(false)
    private let buffered = Atomic(0)
    private let accepted = Counter()

    /// A writer with an empty buffer.
    ///
    /// - Parameters:
    ///   - stream: Where the bytes go. Nobody else writes to it meanwhile.
    ///   - capacity: How many bytes to collect before they are written out; at least 1.
    public init(_ stream: any WritableByteStream, capacity: Int = 65_536) {
        precondition(capacity > 0, "a buffer of \(capacity) bytes")
        self.stream = stream
        self.capacity = capacity
    }

    deinit { buffer.deallocate() }

    /// How many bytes are collected, as of the last call that has ended.
    public var bufferedByteCount: Int { buffered.load(ordering: .relaxed) }

    /// Bytes of the stream that have gone out so far; those in the buffer do not count.
    public var bytesWritten: UInt64 { stream.bytesWritten }

    /// Bytes that were taken so far, be they in the buffer or gone out.
    public var bytesAccepted: UInt64 { accepted.value }

    /// Takes the bytes; writes out if that fills the buffer.
    ///
    /// ## Cancellation
    /// *Partial*: all bytes were taken, or none; ``bytesAccepted`` tells. What was taken is written
    /// by the next flush.
    ///
    /// - Parameter bytes: What to write.
    /// - Throws: What writing to the stream throws: ``IOError``; ``EventLoopError/stopped``;
    ///   `CancellationError`. `IOError` with `.busy` if another task is writing.
    public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await begin()
        defer { end() }
        // Left by a write that was cancelled or failed: the buffer shall not grow without end.
        if buffer.value.count >= capacity { try await writeOut([]) }
        accepted.add(bytes.count)
        if buffer.value.count + bytes.count < capacity {
            buffer.value.append(contentsOf: bytes)
        } else {
            // Both in one, without copying what may be large.
            try await writeOut(bytes)
        }
    }

    /// Writes out what was collected: suspends until the stream has it.
    ///
    /// ## Cancellation
    /// *Partial*: what has not gone out stays in the buffer, and the next flush goes on.
    ///
    /// - Throws: As ``write(_:)-([UInt8])``.
    public nonisolated(nonsending) func flush() async throws {
        try await begin()
        defer { end() }
        try await writeOut([])
    }

    /// Writes out what was collected, and tells the other side that no more will come.
    ///
    /// ## Cancellation
    /// *Partial*: looked at while there is something to write out. What has not gone out stays in
    /// the buffer, and nothing is finished.
    ///
    /// - Throws: As ``write(_:)-([UInt8])`` and the stream's `finishWriting`.
    public nonisolated(nonsending) func finishWriting() async throws {
        if bufferedByteCount > 0 { try await flush() }
        try await stream.finishWriting()
    }

    /// Closes the stream.
    ///
    /// What was collected and not flushed is dropped.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { await stream.close() }

    private nonisolated(nonsending) func begin() async throws {
        if !LoopCore.mayFinishAtOnce { try await yield() }
        let (isMine, _) = isWriting.compareExchange(
            expected: false, desired: true, ordering: .acquiringAndReleasing)
        if !isMine {
            throw IOError(
                .busy, operation: "write to a buffered stream", detail: "another task is writing")
        }
    }

    private func end() {
        buffered.store(buffer.value.count, ordering: .relaxed)
        isWriting.store(false, ordering: .releasing)
    }

    /// Writes the buffer and `more` out; what does not go out is in the buffer afterwards.
    private nonisolated(nonsending) func writeOut(_ more: [UInt8]) async throws {
        var collected = buffer.value
        if collected.isEmpty && more.isEmpty { return }
        buffer.value = []
        let before = stream.bytesWritten
        do {
            try await stream.write(contentsOf: [collected, more])
        } catch {
            let sent = Int(stream.bytesWritten - before)
            let rest = collected.dropFirst(sent) + more.dropFirst(max(0, sent - collected.count))
            buffer.value = Array(rest)
            throw error
        }
        // The same memory serves for what comes next.
        collected.removeAll(keepingCapacity: true)
        buffer.value = collected
    }
}
