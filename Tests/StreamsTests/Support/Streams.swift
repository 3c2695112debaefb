import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// The first bytes, a million at most, of a sequence that repeats late.
func pattern(_ count: Int) -> [UInt8] { Array(longPattern[..<count]) }

private let longPattern: [UInt8] = {
    var generator = SplitMix64(seed: 1)
    return (0..<125_000).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
}()

/// The code of the IOError that `body` throws; nil if it throws none. Another error is an issue.
func ioCode(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: nonisolated(nonsending) () async throws -> Void
) async -> IOError.Code? {
    do {
        try await body()
    } catch let error as IOError {
        return error.code
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
    return nil
}

/// A stream that gives the chunks one by one, and then the end.
final class Chunks: ReadableByteStream {
    private let rest: Channel<[UInt8]>.Receiver
    private let sender: Channel<[UInt8]>.Sender

    init(_ chunks: [String]) throws {
        (sender, rest) = Channel<[UInt8]>.make(capacity: 10_000)
        for chunk in chunks { _ = try sender.trySend(Array(chunk.utf8)) }
        sender.close()
    }

    nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        do { return try await rest.receive() } catch ChannelError.endOfChannel { return nil }
    }

    nonisolated(nonsending) func close() async { rest.close() }
}

extension [UInt8] {
    /// The bytes of a text.
    static func of(_ text: String) -> [UInt8] { Array(text.utf8) }
}

/// The ways of cutting a text into chunks: at no place, at each one place, and into single bytes.
func cuts(_ text: String) -> [[String]] {
    let letters = text.utf8.map { String(decoding: [$0], as: UTF8.self) }
    var cuts = [[text], letters]
    for place in letters.indices.dropFirst() {
        cuts.append([letters[..<place].joined(), letters[place...].joined()])
    }
    return cuts
}

extension Result {
    /// Whether the failure is a cancellation.
    var isCancelled: Bool {
        guard case .failure(let error) = self else { return false }
        return error is CancellationError
    }
}
