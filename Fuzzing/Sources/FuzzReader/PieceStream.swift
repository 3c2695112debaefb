// A stream that gives pieces, and fails now and then.

import AsyncCore

/// Gives its pieces one by one, or what of them is asked for; it never waits.
final class PieceStream: ReadableByteStream, @unchecked Sendable {
    /// What a read may end with, and go on after: cancellation is of that kind.
    struct Failure: Error {}

    private var pieces: ArraySlice<[UInt8]>
    private let failures: Int
    private var calls = 0

    /// - Parameter failures: Each so many-th call fails; 0 for none, and 1 for each second.
    init(_ pieces: [[UInt8]], failures: Int) {
        self.pieces = pieces[...]
        self.failures = failures
    }

    nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        calls += 1
        if failures > 0, calls % (failures + 1) == 0 { throw Failure() }
        guard let piece = pieces.popFirst() else { return nil }
        if piece.count <= count { return piece }
        pieces = [Array(piece[count...])] + pieces
        return Array(piece[..<count])
    }

    nonisolated(nonsending) func close() async { pieces = [] }
}
