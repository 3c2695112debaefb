// The hosts file.

import FuzzDriver

@testable import AsyncCore

/// What the file says is what its bytes say, one by one; and no name means one that differs in more
/// than capital letters.
@main
struct FuzzHosts: FuzzTarget {
    static func run(_ input: [UInt8]) {
        let known = HostsFile.parse(input)
        let expected = model(input)
        require(known == expected, "\(known), not \(expected)")
    }

    /// Byte by byte. A name is one in small letters.
    private static func model(_ bytes: [UInt8]) -> [[UInt8]: [String]] {
        var known: [[UInt8]: [String]] = [:]
        var words: [[UInt8]] = [[]]
        var isComment = false
        for byte in bytes + [10] {
            switch byte {
            case 10:
                words.removeAll { $0.isEmpty }
                for name in words.dropFirst() {
                    let address = String(decoding: words[0], as: UTF8.self)
                    let name = name.map { (65...90).contains($0) ? $0 + 32 : $0 }
                    let others = known[name] ?? []
                    if !others.contains(address) { known[name] = others + [address] }
                }
                words = [[]]
                isComment = false
            case _ where isComment: break
            case 35: isComment = true
            case 32, 9, 11, 12, 13: words.append([])
            default: words[words.count - 1].append(byte)
            }
        }
        return known
    }
}
