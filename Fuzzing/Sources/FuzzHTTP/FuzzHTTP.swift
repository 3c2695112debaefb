// Requests of HTTP, their bodies included.

import FuzzDriver
import HTTPHello

/// What a server makes of a connection's bytes is the same whatever their pieces, and a head that it
/// takes is one that a proxy before it must take in the same way.
@main
struct FuzzHTTP: FuzzTarget {
    static func run(_ input: [UInt8]) {
        var reader = InputReader(input)
        let sizes = reader.sizes()
        // A byte that stands for many: long heads from short inputs.
        let run = [UInt8](repeating: UInt8(ascii: "a"), count: Int(reader.byte()) * 48)
        // No more than two heads' worth of them.
        let bytes = Array(
            reader.remaining().lazy.flatMap { $0 == 0xFF ? run : [$0] }
                .prefix(2 * HTTPRequestParser.maximumHeadSize))

        let whole = events(bytes, [bytes.count], check)
        let inPieces = events(bytes, ends(of: cut(bytes, into: sizes)))
        require(inPieces == whole, "\(inPieces), not \(whole)")
        if bytes.count < 1_000 {
            let single = events(bytes, Array(0...bytes.count))
            require(single == whole, "\(single), not \(whole)")
        }
    }

    private static func ends(of pieces: [[UInt8]]) -> [Int] {
        var end = 0
        return pieces.map { piece in
            end += piece.count
            return end
        }
    }

    private enum Event: Equatable {
        case head(HTTPRequestHead)
        /// So many bytes of it have come, and whether that is all.
        case body(Int, isComplete: Bool)
        case refusal(HTTPRequestError)
    }

    /// What happens if bytes come up to those places, one after the other.
    private static func events(
        _ bytes: [UInt8], _ ends: [Int], _ check: (HTTPRequestHead, [UInt8]) -> Void = { _, _ in }
    ) -> [Event] {
        var events: [Event] = []
        var parser = HTTPRequestParser()
        var body: HTTPBodyDecoder?
        var start = 0
        var bodyStart = 0
        do throws(HTTPRequestError) {
            for end in ends {
                while true {
                    if var decoder = body {
                        start += try decoder.consume(bytes.span.extracting(start..<end))
                        body = decoder.isComplete ? nil : decoder
                        if !decoder.isComplete { break }
                        events.append(.body(start - bodyStart, isComplete: true))
                    }
                    guard let head = try parser.parse(bytes.span.extracting(start..<end)) else {
                        break
                    }
                    check(head, Array(bytes[start..<start + head.byteCount]))
                    events.append(.head(head))
                    start += head.byteCount
                    bodyStart = start
                    body = try HTTPBodyDecoder(head.body, limit: 100)
                }
            }
        } catch {
            events.append(.refusal(error))
            return events
        }
        if body != nil { events.append(.body(start - bodyStart, isComplete: false)) }
        return events
    }

    /// Looks at a head that was taken once more, by lines and words.
    private static func check(_ head: HTTPRequestHead, _ bytes: [UInt8]) {
        require(bytes.count <= HTTPRequestParser.maximumHeadSize, "a head of \(bytes.count) bytes")
        require(bytes.suffix(4) == Array("\r\n\r\n".utf8)[...], "a head without an end")
        let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        var lines = bytes.drop { $0 == cr || $0 == lf }
            .split(separator: lf, omittingEmptySubsequences: false)
        require(lines.dropLast().allSatisfy { $0.last == cr }, "a line without CR")
        lines = lines.map { $0.dropLast() }
        for line in lines {
            require(!line.contains(cr) && !line.contains(0), "a byte that must not be")
        }
        // The request line, the headers, and the two empty ones.
        require(lines.count <= HTTPRequestParser.maximumHeaderCount + 3, "\(lines.count) lines")

        let words = lines[0].split(
            separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        require(words.count == 3, "\(words.count) words")
        require(bytes[head.target] == words[1], "the target is not \(words[1])")
        require(words[2] == Array("HTTP/1.\(head.minorVersion)".utf8)[...], "the version")
        let names = lines.dropFirst().dropLast(2).map { line in
            line.prefix { $0 != UInt8(ascii: ":") }
        }
        func count(_ name: String) -> Int {
            names.count { $0.elementsEqual(name.utf8, by: { $0 | 0x20 == $1 | 0x20 }) }
        }
        require(head.minorVersion == 0 || count("host") == 1, "Host")
        require(
            count("transfer-encoding") == 0
                || head.body == .chunked && count("content-length") == 0 && head.minorVersion > 0,
            "Transfer-Encoding")
        if case .length = head.body { require(count("content-length") > 0, "Content-Length") }
    }
}
