// The kinds of bytes that HTTP tells apart, and comparing bytes with words.

extension UInt8 {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let zero = UInt8(ascii: "0")
    static let one = UInt8(ascii: "1")
    static let colon = UInt8(ascii: ":")
    static let semicolon = UInt8(ascii: ";")
    static let comma = UInt8(ascii: ",")
    static let delete: UInt8 = 0x7F

    var isDigit: Bool { self &- .zero < 10 }

    var isSpaceOrTab: Bool { self == .space || self == .tab }

    /// Whether it may be in a value: no control character but the tab.
    var isValueByte: Bool { self >= .space && self != .delete || self == .tab }

    /// Whether it may be in a method or the name of a header.
    var isTokenByte: Bool {
        // A bit for each of the letters, digits and !#$%&'*+-.^_`|~, in two words.
        let bits: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && bits >> (UInt64(self) & 63) & 1 == 1
    }

    /// The value of a hexadecimal digit.
    var hexadecimalValue: Int? {
        if isDigit { return Int(self &- .zero) }
        let letter = (self | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? Int(letter) + 10 : nil
    }

    /// A capital letter as a small one; anything else as it is.
    var lowercased: UInt8 { self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self }
}

extension Span<UInt8> {
    func equals(_ word: String) -> Bool {
        let other = word.utf8.span
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    /// Whether the bytes are `word`, which is in small letters, but for their capital letters.
    func equals(ignoringCase word: String) -> Bool {
        let other = word.utf8.span
        guard count == other.count else { return false }
        for index in indices where self[index].lowercased != other[index] { return false }
        return true
    }

    /// Calls `body` with each element of a list that is separated by commas, without spaces around.
    func forEachListElement<E: Error>(_ body: (Span<UInt8>) throws(E) -> Void) throws(E) {
        var start = 0
        while start < count {
            var end = start
            while end < count, self[end] != .comma { end += 1 }
            var (first, last) = (start, end)
            while first < last, self[first].isSpaceOrTab { first += 1 }
            while first < last, self[last - 1].isSpaceOrTab { last -= 1 }
            if first < last { try body(extracting(first..<last)) }
            start = end + 1
        }
    }
}
