// The reads that an input can ask for.

import AsyncCore
import FuzzDriver

enum Read {
    case line(limit: Int)
    case discard
    case until([[UInt8]], limit: Int)
    case exactly(Int)
    case some(Int)
    case peek(Int)
    case all(limit: Int)
    case lineFrame
    case frame(LengthPrefix, limit: Int)

    init(_ input: inout InputReader) {
        switch input.number(below: 10) {
        case 0: self = .line(limit: input.number(below: 40))
        case 1: self = .discard
        case 2: self = .until(Self.separators(&input), limit: input.number(below: 40))
        case 3:
            let separators = (0...input.number(below: 3)).map { _ in
                input.bytes(1 + input.number(below: 4))
            }
            // Behind the input's end there are none, and no separator is empty.
            self = .until(
                separators.map { $0.isEmpty ? [0] : $0 }, limit: input.number(below: 40))
        case 4: self = .exactly(input.number(below: 40))
        case 5: self = .some(input.number(below: 40))
        case 6: self = .peek(input.number(below: 40))
        case 7: self = .all(limit: input.number(below: 64))
        case 8: self = .lineFrame
        default:
            self = .frame(
                LengthPrefix.allCases[input.number(below: LengthPrefix.allCases.count)],
                limit: input.number(below: 64))
        }
    }

    /// Separators that share beginnings and ends.
    private static func separators(_ input: inout InputReader) -> [[UInt8]] {
        let sets = [
            ["\r\n\r\n", "\n\n"], ["aab", "ab"], ["abab", "baba"], ["aaa"], ["b", "ab"], ["\r\n"],
            ["ab", "abc"], ["abcabd", "bca"],
        ]
        return sets[input.number(below: sets.count)].map { Array($0.utf8) }
    }

    /// How many bytes this may have to hold before the last read of the stream.
    var bound: Int {
        switch self {
        case .line(let limit): limit + 1
        case .discard: 0
        case .until(let separators, let limit): limit + (separators.map(\.count).max() ?? 0)
        case .exactly(let count), .some(let count), .peek(let count): count
        case .all(let limit): limit
        case .lineFrame: FuzzReader.lineDecoderLimit + 1
        case .frame(let prefix, let limit): limit + prefix.rawValue
        }
    }
}
