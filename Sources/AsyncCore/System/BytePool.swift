// Memory for what is read next, of which a loop needs no more than there are tasks that look at theirs.

/// Pieces of memory for reads, each of which is used again when nobody looks at it any more.
///
/// The one that was used last is used first, as it is near: with a thousand connections one piece serves
/// them all, if none of them waits while it looks at what it has read. While somebody looks at a part of it,
/// what is read next goes behind that.
///
/// Thread of the loop only.
@safe
@usableFromInline
struct BytePool: ~Copyable {
    // SAFETY: a piece is written to where nobody looks: behind `place`, or anywhere when nobody but the pool
    // refers to it.

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

    /// How many pieces are in use, beside the nearest, when nothing more is received before its reader asks.
    static let ahead = 4

    private var nearest: Piece?
    /// Where in the nearest the next bytes go: what lies before may be looked at.
    private var place = size
    private var others: [Piece] = []

    /// Receives at most `count` bytes, and no more than ``size``.
    ///
    /// - Returns: The bytes, if there are any, and their number or `-errno`.
    @inline(__always)
    mutating func receive(
        _ descriptor: CInt, upTo count: Int, _ stop: inout Socket.Stop, _ calls: SystemCalls
    ) -> (bytes: PooledBytes.Kept, result: Int) {
        if room < count { takeAnother() }
        return receiveIntoNearest(descriptor, upTo: count, &stop, calls)
    }

    /// How many bytes can be received without another piece.
    @inline(__always)
    var room: Int {
        mutating get {
            if isKnownUniquelyReferenced(&nearest) { place = 0 }
            return Self.size - place
        }
    }

    /// The ``room`` for a reader who has not asked yet: at least `count` bytes, or none if ``ahead`` pieces
    /// are in use already.
    @inline(__always)
    mutating func roomAhead(for count: Int) -> Int {
        let room = room
        if room >= count { return room }
        return takeAnotherAhead() ? Self.size : 0
    }

    @inline(never)
    private mutating func takeAnotherAhead() -> Bool {
        var inUse = 0
        for index in others.indices where !isKnownUniquelyReferenced(&others[index]) { inUse += 1 }
        if inUse >= Self.ahead { return false }
        takeAnother()
        return true
    }

    /// Receives at most `count` bytes, for which there is ``room``.
    ///
    /// - Returns: As ``receive(_:upTo:_:_:)``.
    @inline(__always)
    mutating func receiveIntoNearest(
        _ descriptor: CInt, upTo count: Int, _ stop: inout Socket.Stop, _ calls: SystemCalls
    ) -> (bytes: PooledBytes.Kept, result: Int) {
        guard let piece = nearest else { preconditionFailure("a pool without memory") }
        let result = unsafe Socket.receive(descriptor, piece.start + place, count, &stop, calls)
        if result <= 0 { return (PooledBytes.Kept(), result) }
        let kept = PooledBytes.Kept(piece, at: place, count: result)
        // Whole lines, so that no two threads meet in one.
        place = (place + result + 63) & ~63
        return (kept, result)
    }

    /// Makes one the nearest that nobody looks at.
    @inline(never)
    private mutating func takeAnother() {
        let busy = nearest
        if let index = others.indices.last(where: { isKnownUniquelyReferenced(&others[$0]) }) {
            nearest = others.remove(at: index)
        } else {
            nearest = Piece()
        }
        place = 0
        if let busy, others.count < Self.kept { others.append(busy) }
    }

    /// How many pieces it keeps.
    var count: Int { others.count + (nearest == nil ? 0 : 1) }
}
