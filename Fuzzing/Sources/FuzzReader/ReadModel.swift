// What reads give, if all bytes are there: as plain as can be, and slow.

import AsyncCore

struct ReadModel {
    var rest: [UInt8]
    /// The line decoder has refused a line, whose end has not been read.
    private var isDiscarding = false

    init(_ bytes: [UInt8]) { rest = bytes }

    mutating func perform(_ read: Read) -> Outcome {
        switch read {
        case .line(let limit): return line(limit)
        case .discard:
            take(rest.firstIndex(of: 10).map { $0 + 1 } ?? rest.count)
            return .end
        case .until(let separators, let limit): return until(separators, limit)
        case .exactly(let count):
            if count > rest.count { return .error(.endedEarly(received: rest.count)) }
            return .bytes(take(count))
        case .some: fatalError("how many depends on the pieces")
        case .peek(let count): return .bytes(Array(rest.prefix(count)))
        case .all(let limit):
            if rest.count > limit { return .error(.limitExceeded(limit: limit)) }
            return .bytes(take(rest.count))
        case .lineFrame: return lineFrame()
        case .frame(let prefix, let limit): return frame(prefix.rawValue, limit)
        }
    }

    @discardableResult
    private mutating func take(_ count: Int) -> [UInt8] {
        defer { rest.removeFirst(count) }
        return Array(rest.prefix(count))
    }

    private mutating func line(_ limit: Int) -> Outcome {
        if rest.isEmpty { return .end }
        let end = rest.firstIndex(of: 10)
        var line = Array(rest[..<(end ?? rest.count)])
        // A CR without LF is a byte of the line.
        if end != nil, line.last == 13 { line.removeLast() }
        if line.count > limit { return .error(.limitExceeded(limit: limit)) }
        take(end.map { $0 + 1 } ?? rest.count)
        return .bytes(line)
    }

    private mutating func lineFrame() -> Outcome {
        if isDiscarding {
            let end = rest.firstIndex(of: 10)
            take(end.map { $0 + 1 } ?? rest.count)
            if end != nil { isDiscarding = false }
        }
        let outcome = line(FuzzReader.lineDecoderLimit)
        if case .error = outcome { isDiscarding = true }
        return outcome
    }

    private mutating func until(_ separators: [[UInt8]], _ limit: Int) -> Outcome {
        for end in 0..<rest.count + 1 {
            let ending = separators.filter { rest[..<end].suffix($0.count) == $0[...] }
            guard let longest = ending.map(\.count).max() else { continue }
            if end - longest > limit { return .error(.limitExceeded(limit: limit)) }
            return .bytes(take(end))
        }
        // Even if more came, the limit would be exceeded.
        let longest = separators.map(\.count).max() ?? 0
        if rest.count - longest + 1 > limit { return .error(.limitExceeded(limit: limit)) }
        return .error(.endedEarly(received: rest.count))
    }

    private mutating func frame(_ prefix: Int, _ limit: Int) -> Outcome {
        if rest.isEmpty { return .end }
        if rest.count < prefix { return .error(.endedEarly(received: rest.count)) }
        let number = rest.prefix(prefix).reduce(0.0) { $0 * 256 + Double($1) }
        if number > Double(limit) { return .error(.limitExceeded(limit: limit)) }
        let length = Int(number)
        if rest.count < prefix + length { return .error(.endedEarly(received: rest.count)) }
        return .bytes(Array(take(prefix + length).dropFirst(prefix)))
    }
}
