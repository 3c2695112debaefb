// Memory for what is read next, of which a loop needs no more than there are tasks that look at theirs.

/// Pieces of memory for reads, each of which is used again when nobody looks at it any more.
///
/// The one that was used last is used first, as it is near: with a thousand connections one piece serves
/// them all, if none of them waits while it looks at what it has read.
///
/// Thread of the loop only.
@safe
@usableFromInline
struct BytePool: ~Copyable {
    // SAFETY: a piece is written to only when nobody but the pool refers to it.

    /// Memory: in a pool, of ``size`` bytes.
    @safe
    @usableFromInline
    final class Piece: @unchecked Sendable {
        // SAFETY: allocated in init, freed in deinit; who may write to it, see above.
        @usableFromInline let start: UnsafeMutableRawPointer

        init(size: Int = BytePool.size) {
            unsafe start = .allocate(byteCount: size, alignment: 64)
        }

        deinit { unsafe start.deallocate() }
    }

    /// The size of a piece, of which only what was written to takes memory.
    static let size = 65_536

    /// How many pieces are kept, beside the nearest.
    static let kept = 15

    private var nearest: Piece?
    private var others: [Piece] = []

    /// Receives at most `count` bytes, and no more than ``size``.
    ///
    /// - Returns: The bytes, if there are any, and their number or `-errno`.
    @inline(__always)
    mutating func receive(
        _ descriptor: CInt, upTo count: Int, _ stop: inout Socket.Stop, _ calls: SystemCalls
    ) -> (bytes: PooledBytes.Kept, result: Int) {
        if !isKnownUniquelyReferenced(&nearest) { takeAnother() }
        guard let piece = nearest else { preconditionFailure("a pool without memory") }
        let result = unsafe Socket.receive(descriptor, piece.start, count, &stop, calls)
        return (result > 0 ? PooledBytes.Kept(piece, count: result) : PooledBytes.Kept(), result)
    }

    /// Makes one the nearest that nobody looks at.
    @inline(never)
    private mutating func takeAnother() {
        let busy = nearest
        if let place = others.indices.last(where: { isKnownUniquelyReferenced(&others[$0]) }) {
            nearest = others.remove(at: place)
        } else {
            nearest = Piece()
        }
        if let busy, others.count < Self.kept { others.append(busy) }
    }

    /// How many pieces it keeps.
    var count: Int { others.count + (nearest == nil ? 0 : 1) }
}
