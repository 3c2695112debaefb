// What was read, in memory of a pool.

/// Bytes that were read, in memory of a pool.
///
/// When the last copy of the value has gone, the memory is used for another read; nothing need be called for
/// that. So no read allocates, and one that waits has no memory. Each value from a socket holds a piece of 64
/// KiB, alone or with others, of which only what was written to takes memory: bytes that are to be kept for
/// long are better copied.
///
///     while let received = try await stream.readPooled(upTo: 65_536) {
///         try await stream.write(received.bytes)
///     }
///
/// ## Isolation
/// *Any thread*: the bytes do not change.
@safe
public struct PooledBytes: Sendable {
    // SAFETY: the bytes of the extent are in the piece and filled, and nobody changes them while it is referred
    // to from here.
    @usableFromInline let piece: BytePool.Piece
    @usableFromInline let extent: Extent

    /// How many bytes there are.
    @inlinable public var count: Int { extent.count }

    /// A part of a piece.
    @usableFromInline
    struct Extent: Sendable {
        // Two words of half a register each, as the values go through registers.
        @usableFromInline let start: UInt32
        @usableFromInline let length: UInt32

        init(_ start: Int, count: Int) {
            self.start = UInt32(start)
            length = UInt32(count)
        }

        @inlinable @inline(__always)
        var count: Int { Int(length) }
    }

    @inlinable @inline(__always)
    init(_ piece: BytePool.Piece, _ extent: Extent) {
        self.piece = piece
        self.extent = extent
    }

    /// A copy, in a piece of its own that belongs to no pool.
    init(_ bytes: [UInt8]) {
        piece = BytePool.Piece(size: max(bytes.count, 1))
        extent = Extent(0, count: bytes.count)
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
            let span = unsafe UnsafeRawBufferPointer(
                start: piece.start + Int(extent.start), count: count
            ).bytes
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
        @usableFromInline let extent: Extent

        /// None.
        init() {
            unsafe piece = nil
            extent = Extent(0, count: 0)
        }

        /// So many bytes of a piece, from that place on.
        init(_ piece: BytePool.Piece, at place: Int, count: Int) {
            unsafe self.piece = .passRetained(piece)
            extent = Extent(place, count: count)
        }
    }

    /// Takes over what is kept, if there is anything.
    @inlinable @inline(__always)
    init?(_ kept: Kept) {
        // SAFETY: it is taken over once.
        guard let piece = unsafe kept.piece?.takeRetainedValue() else { return nil }
        self.init(piece, kept.extent)
    }
}
