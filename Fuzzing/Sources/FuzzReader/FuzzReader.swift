// Reading by lines, separators, counts and frames.

import AsyncCore
import FuzzDriver

/// The reads that an input asks for give the same, whatever the pieces in which its bytes come, as
/// they do in one array; and the reader holds no more bytes than it may.
@main
struct FuzzReader: FuzzTarget {
    /// A loop of the fuzzing thread's: what may not wait here never does.
    private static let loop = try! EventLoop()

    static func run(_ input: [UInt8]) {
        var reader = InputReader(input)
        let sizes = reader.sizes()
        let readSize = 1 + reader.number(below: 32)
        let failures = reader.number(below: 4)
        let reads = (0..<1 + reader.number(below: 8)).map { _ in Read(&reader) }
        let bytes = reader.remaining()

        let stream = PieceStream(cut(bytes, into: sizes), failures: failures)
        let done = Flag()
        loop.spawn {
            var model = ReadModel(bytes)
            let reader = BufferedReader(stream, readSize: readSize)
            var lines = LineDecoder(limit: lineDecoderLimit)
            for read in reads {
                let before = reader.bufferedByteCount
                let outcome = await perform(read, reader, &lines)
                check(outcome, read, &model)
                require(
                    reader.bufferedByteCount <= max(before, read.bound) + readSize,
                    "\(read): \(reader.bufferedByteCount) bytes are held")
            }
            done.isSet = true
        }
        while !done.isSet { try! loop.runReady() }
    }

    /// Of the decoder, which stays the same through an input.
    static let lineDecoderLimit = 6

    private static func check(_ outcome: Outcome, _ read: Read, _ model: inout ReadModel) {
        if case .some(let most) = read {
            // How many come depends on the pieces.
            guard case .bytes(let bytes) = outcome, !bytes.isEmpty || most == 0 else {
                return require(model.rest.isEmpty && outcome == .end, "\(read): \(outcome)")
            }
            require(
                bytes.count <= most && model.rest.starts(with: bytes),
                "\(read): \(bytes) of \(model.rest)")
            model.rest.removeFirst(bytes.count)
            return
        }
        let rest = model.rest
        let expected = model.perform(read)
        require(outcome == expected, "\(read): \(outcome), not \(expected), of \(rest)")
    }

    private static func perform(
        _ read: Read, _ reader: BufferedReader, _ lines: inout LineDecoder
    ) async -> Outcome {
        while true {
            do {
                return try await attempt(read, reader, &lines)
            } catch is PieceStream.Failure {
                // Nothing is lost: the next try goes on.
            } catch let error as StreamError {
                return .error(error)
            } catch {
                fail("\(read): \(error)")
            }
        }
    }

    private static func attempt(
        _ read: Read, _ reader: BufferedReader, _ lines: inout LineDecoder
    ) async throws -> Outcome {
        switch read {
        case .line(let limit): return Outcome(try await reader.readLineBytes(limit: limit))
        case .discard:
            try await reader.discardLine()
            return .end
        case .until(let separators, let limit):
            return .bytes(try await reader.read(untilAnyOf: separators, limit: limit))
        case .exactly(let count): return .bytes(try await reader.read(exactly: count))
        case .some(let count): return Outcome(try await reader.read(upTo: count))
        case .peek(let count): return .bytes(try await reader.peek(count))
        case .all(let limit): return .bytes(try await reader.readToEnd(limit: limit))
        case .lineFrame: return Outcome(try await reader.readFrame(using: &lines))
        case .frame(let prefix, let limit):
            // It keeps no notes, so one for each frame will do.
            var decoder = LengthPrefixDecoder(prefix, limit: limit)
            return Outcome(try await reader.readFrame(using: &decoder))
        }
    }
}

/// What a read gives: nothing, if the stream has ended.
enum Outcome: Equatable {
    case end
    case bytes([UInt8])
    case error(StreamError)

    init(_ bytes: [UInt8]?) { self = bytes.map(Outcome.bytes) ?? .end }
}

private final class Flag: @unchecked Sendable {
    var isSet = false
}
