// Makes numbers and pieces of an input.

/// Takes an input apart, from its front: after its end there are zeros.
///
/// Sizes and choices are single bytes, so that a changed byte changes one thing.
public struct InputReader {
    private var rest: ArraySlice<UInt8>

    /// A reader at the begin of an input.
    public init(_ input: [UInt8]) { rest = input[...] }

    public mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// A number from 0 on that is less than `bound`, which is at most 256.
    public mutating func number(below bound: Int) -> Int { Int(byte()) % bound }

    public mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// All that is left.
    public mutating func remaining() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    /// A number of cuts, and then each one's place: sizes of pieces, from 1 to 16, which are gone
    /// through again and again.
    public mutating func sizes() -> [Int] {
        let count = number(below: 5)
        return count == 0 ? [.max] : (0..<count).map { _ in 1 + number(below: 16) }
    }
}

/// Cuts bytes into pieces of those sizes, which are gone through again and again.
public func cut(_ bytes: [UInt8], into sizes: [Int]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        pieces.append(Array(rest.prefix(sizes[pieces.count % sizes.count])))
        rest = rest.dropFirst(pieces[pieces.count - 1].count)
    }
    return pieces
}
