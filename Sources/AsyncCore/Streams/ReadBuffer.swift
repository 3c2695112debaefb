// Bytes that were read, and not asked for yet. Knows no stream.

/// A queue of bytes: put in at the end as they come, taken out at the front in any portions.
///
/// An empty one holds no memory. A chunk that comes while it is empty becomes the buffer, and one
/// that is taken whole leaves it again: neither is copied.
struct ReadBuffer: Sendable {
    private var storage: [UInt8] = []
    /// Where the bytes begin; what lies before was taken.
    private var start = 0

    var count: Int { storage.count - start }

    var isEmpty: Bool { count == 0 }

    /// The byte at that place, counted from the front.
    subscript(place: Int) -> UInt8 { storage[start + place] }

    /// Shows all bytes, without a copy.
    func withSpan<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
        try body(storage.span.extracting(start...))
    }

    mutating func append(_ chunk: [UInt8]) {
        if isEmpty {
            storage = chunk
            start = 0
        } else {
            dropTaken()
            storage.append(contentsOf: chunk)
        }
    }

    /// Appends a part of an array.
    mutating func append(_ bytes: [UInt8], from first: Int, count: Int) {
        if first == 0 && count == bytes.count { return append(bytes) }
        dropTaken()
        storage.append(contentsOf: bytes[first..<first + count])
    }

    /// Forgets what was taken, once that is at least as much as what would have to be moved.
    private mutating func dropTaken() {
        guard start >= count else { return }
        storage.removeSubrange(..<start)
        start = 0
    }

    /// The first `count` bytes, which stay.
    func prefix(_ count: Int) -> [UInt8] {
        start == 0 && count == storage.count ? storage : Array(storage[start..<start + count])
    }

    /// Takes the first `count` bytes out.
    mutating func take(_ count: Int) -> [UInt8] {
        let bytes = prefix(count)
        skip(count)
        return bytes
    }

    /// Takes as many bytes out as there are, and as there is room for: how many.
    mutating func take(into buffer: inout MutableRawSpan) -> Int {
        let count = min(count, buffer.byteCount)
        Memory.copy(storage, from: start, count: count, into: &buffer)
        skip(count)
        return count
    }

    /// Drops the first `count` bytes.
    mutating func skip(_ count: Int) {
        precondition(count <= self.count, "more bytes taken than there are")
        start += count
        if start == storage.count {
            storage = []
            start = 0
        }
    }

    /// Where `byte` stands first, from a place on.
    func firstIndex(of byte: UInt8, from place: Int) -> Int? {
        Memory.firstIndex(of: byte, in: storage.span, from: start + place).map { $0 - start }
    }

    /// The match of one of the separators that ends first; of those that end together, the longest.
    ///
    /// The first `searched` bytes are known to hold no whole match.
    func firstMatch(of separators: [[UInt8]], searched: Int) -> Range<Int>? {
        var best: Range<Int>?
        for separator in separators {
            // A match may have begun in what was searched.
            let from = max(0, searched - separator.count + 1)
            guard
                let found = Memory.firstIndex(of: separator, in: storage.span, from: start + from)
            else { continue }
            let match = (found - start)..<(found - start + separator.count)
            if let known = best {
                let isBetter =
                    match.upperBound < known.upperBound
                    || match.upperBound == known.upperBound && match.count > known.count
                if !isBetter { continue }
            }
            best = match
        }
        return best
    }
}
