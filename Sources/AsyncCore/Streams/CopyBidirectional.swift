// Two streams that are connected with each other: what a proxy does.

/// How many bytes were copied in each direction.
public struct CopiedBytes: Sendable, Equatable {
    /// From the first stream to the second.
    public var fromFirst: UInt64

    /// From the second stream to the first.
    public var fromSecond: UInt64
}

/// Copies all bytes from each stream to the other, until both have ended.
///
/// The end of one stream is passed on to the other as a half-close, and the other direction goes on.
/// A direction that waits does not hold up the other one, and no more than `bufferSize` bytes of
/// each are held in memory: a reader that does not read holds its writer up, through the two
/// connections.
///
/// An error of either stream ends both directions at once, and is thrown. Neither stream is closed:
/// that is the caller's to do, who also has their `bytesWritten`.
///
/// ## Cancellation
/// *Cancels, and waits* for both directions. Up to `bufferSize` bytes of each may have been read and
/// not written: close the streams.
///
/// - Parameters:
///   - first: A stream.
///   - second: Another stream. Nobody else reads or writes either meanwhile.
///   - bufferSize: How many bytes to read at a time; at least 1.
/// - Returns: How many bytes were copied.
/// - Throws: ``IOError`` of reading or writing; ``EventLoopError/stopped``; `CancellationError`.
/// - Precondition: `bufferSize` is at least 1.
@discardableResult
public nonisolated(nonsending) func copyBidirectional(
    _ first: any ByteStream, _ second: any ByteStream, bufferSize: Int = 65_536
) async throws -> CopiedBytes {
    precondition(bufferSize > 0, "a buffer of \(bufferSize) bytes")
    return try await runBothDirections {
        try await copy(from: first, to: second, bufferSize)
    } fromSecond: {
        try await copy(from: second, to: first, bufferSize)
    }
}

/// Runs two directions at the same time, until both have ended, or one has failed, which ends the
/// other.
nonisolated(nonsending) func runBothDirections(
    fromFirst: @escaping @Sendable () async throws -> UInt64,
    fromSecond: @escaping @Sendable () async throws -> UInt64
) async throws -> CopiedBytes {
    try await withThrowingTaskGroup(of: (isFirst: Bool, count: UInt64).self) { group in
        group.addTask { (true, try await fromFirst()) }
        group.addTask { (false, try await fromSecond()) }
        var copied = CopiedBytes(fromFirst: 0, fromSecond: 0)
        for try await (isFirst, count) in group {
            if isFirst { copied.fromFirst = count } else { copied.fromSecond = count }
        }
        return copied
    }
}

/// Copies one direction, and passes its end on.
private nonisolated(nonsending) func copy(
    from source: any ByteStream, to target: any ByteStream, _ bufferSize: Int
) async throws -> UInt64 {
    var count: UInt64 = 0
    while let bytes = try await source.read(upTo: bufferSize) {
        try await target.write(bytes)
        count += UInt64(bytes.count)
    }
    try await target.finishWriting()
    return count
}
