import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct VectoredWriteTests {
    @Test func `several pieces go out in order, with one system call`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                try await near.write(contentsOf: [[1, 2], [], [3], [4, 5, 6]])
                #expect(script_count(SCRIPT_SENDMSG) == 1)
                #expect(script_count(SCRIPT_SEND) == 0)
                #expect(near.bytesWritten == 6)
                #expect(try await far.read(exactly: 6) == [1, 2, 3, 4, 5, 6])
            }
        }
    }

    @Test func `no pieces, and empty ones, write nothing (S506, D6, D7)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                try await near.write(contentsOf: [])
                try await near.write(contentsOf: [[], [], []])
                #expect(script_count(SCRIPT_SENDMSG) == 0)
                try await near.write(contentsOf: [[], [7], []])
                #expect(try await far.read(upTo: 9) == [7])
            }
        }
    }

    @Test func `more pieces than one call takes, many of them empty (S527, D6)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                let pieces = (0..<5_000).map { $0 % 3 == 0 ? [] : Array(pattern(20)[..<($0 % 20)]) }
                let all = Array(pieces.joined())
                let writer = spawn { try await near.write(contentsOf: pieces + [[]]) }
                #expect(try await far.read(exactly: all.count) == all)
                try await writer.value
                #expect(near.bytesWritten == all.count)
            }
        }
    }

    @Test func `a partial write goes on in the middle of a piece (S527, D5)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let pieces = (0..<10).map {
                    Array(pattern(1_000_000)[$0 * 100_000..<($0 + 1) * 100_000])
                }
                let writer = spawn { try await near.write(contentsOf: pieces) }
                try await near.untilFull()
                #expect(!writer.isFinished)
                #expect(try await far.read(exactly: 1_000_000) == pattern(1_000_000))
                try await writer.value
            }
        }
    }

    @Test(arguments: [ShortTransfers.Rule.oneByte, .oneByteOrNothing, .few])
    func `byte by byte, and with early EAGAIN, it is exact (S526, S527, D5)`(
        rule: ShortTransfers.Rule
    ) async throws {
        try await onScriptedLoop(rule.calls) {
            try await withPair { near, far in
                let pieces = (0..<100).map { Array(pattern(40)[..<($0 % 40)]) }
                let all = Array(pieces.joined())
                let writer = spawn { try await near.write(contentsOf: pieces) }
                #expect(try await far.read(exactly: all.count) == all)
                try await writer.value
            }
        }
    }

    @Test func `a cancelled write says how much went out (D18)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let writer = spawn {
                    try await near.write(contentsOf: [pattern(500_000), pattern(500_000)])
                }
                try await near.untilFull()
                writer.cancel()
                #expect(await writer.result.isCancelled)
                let sent = Int(near.bytesWritten)
                #expect(sent > 0 && sent < 1_000_000)
                try await near.finishWriting()
                let all = pattern(500_000) + pattern(500_000)
                #expect(try await far.readAll() == Array(all[..<sent]))
            }
        }
    }

    @Test(arguments: [EPIPE, ECONNRESET, ENOBUFS])
    func `a failing sendmsg is told with its errno (I4)`(errno: CInt) async throws {
        try await onScriptedLoop {
            try await withPair { near, _ in
                script_fail(SCRIPT_SENDMSG, 1, 1, errno)
                let error = await #expect(throws: IOError.self) {
                    try await near.write(contentsOf: [[1], [2]])
                }
                #expect(error?.errno == errno)
                try await near.write(contentsOf: [[1], [2]])
            }
        }
    }

    @Test func `pieces advance as a plain array does`() {
        for seed in 0..<300 {
            var choices = SplitMix64(seed: seed)
            let pieces = (0..<choices.below(6)).map { _ in pattern(choices.below(4)) }
            var rest = SocketPieces(pieces)
            var left = pieces.reduce(0) { $0 + $1.count }
            while left > 0 {
                #expect(!rest.isEmpty)
                let step = choices.below(left + 1)
                rest.advance(by: step)
                left -= step
            }
            #expect(rest.isEmpty)
        }
    }

    @Test func `a write from elsewhere is forwarded`() async throws {
        try await withLoops(2) { loops in
            let (near, far) = try await loops[0].run { try await makePair() }
            try await loops[1].run { try await near.write(contentsOf: [[1], [2, 3]]) }
            #expect(try await far.read(exactly: 3) == [1, 2, 3])
            await near.close()
            await far.close()
        }
    }
}
