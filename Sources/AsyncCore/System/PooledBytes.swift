// What was read, in memory of a pool.

/// Bytes that were read, in memory of a pool.
///
/// The memory is used for another read when the last copy of the value has gone, which takes no call: so
/// nothing is allocated for a read, and one that waits has no memory. As each value holds 64 KiB, though
/// only what was written to takes memory, bytes that are to be kept are better copied.
///
///     while let received = try await stream.readPooled(upTo: 65_536) {
///         try await stream.write(received.bytes)
///     }
///
/// ## Isolation
/// *Any thread*: the bytes do not change.
@safe
public struct PooledBytes: Sendable {
    // SAFETY: the first `count` bytes of the piece are filled, and nobody changes them while it is referred to
    // from here.
    @usableFromInline let piece: BytePool.Piece

    /// How many bytes there are.
    public let count: Int

    /// The first bytes of a piece, which are filled.
    @inlinable @inline(__always)
    init(_ piece: BytePool.Piece, count: Int) {
        self.piece = piece
        self.count = count
    }

    /// A copy of at most ``BytePool/size`` bytes.
    init(_ bytes: [UInt8]) {
        precondition(bytes.count <= BytePool.size, "\(bytes.count) bytes for a piece of memory")
        piece = BytePool.Piece()
        count = bytes.count
        // SAFETY: nobody else knows the new piece, and it has room for the bytes.
        unsafe UnsafeMutableRawBufferPointer(start: piece.start, count: count).copyBytes(
            from: bytes)
    }

    /// The bytes.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        @inline(__always) get {
            // SAFETY: the value keeps its piece.
            let span = unsafe UnsafeRawBufferPointer(start: piece.start, count: count).bytes
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}

extension PooledBytes {
    /// Bytes on their way to a ``PooledBytes``, without counting references.
    ///
    /// To be taken over once.
    @safe
    @usableFromInline
    struct Kept {
        // SAFETY: it owns one reference to the piece.
        @usableFromInline let piece: Unmanaged<BytePool.Piece>?
        @usableFromInline let count: Int

        /// None.
        init() {
            unsafe piece = nil
            count = 0
        }

        init(_ piece: BytePool.Piece, count: Int) {
            unsafe self.piece = .passRetained(piece)
            self.count = count
        }
    }

    /// Takes over what is kept, if there is anything.
    @inlinable @inline(__always)
    init?(_ kept: Kept) {
        // SAFETY: it is taken over once.
        guard let piece = unsafe kept.piece?.takeRetainedValue() else { return nil }
        self.init(piece, count: kept.count)
    }
}
