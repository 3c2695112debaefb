import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ReadTests {
    @Test func `a read of zero bytes returns at once and takes nothing (S489, D7)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                #expect(try await far.read(upTo: 0) == [])
                try await near.write("ab")
                try await far.untilReadable()
                #expect(try await far.read(upTo: 0) == [])
                #expect(try await far.read(upTo: 9) == Array("ab".utf8))
                try await near.finishWriting()
                #expect(try await far.read(upTo: 9) == nil)
                #expect(try await far.read(upTo: 0) == [])
            }
        }
    }

    @Test func `a read returns what is there, at most what was asked for (S490)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("abcde")
                #expect(try await far.read(upTo: 2) == Array("ab".utf8))
                #expect(try await far.read(upTo: 100) == Array("cde".utf8))
                #expect(far.bytesRead == 5)
                #expect(near.bytesWritten == 5)
            }
        }
    }

    @Test func `the end of the stream is told again and again (S490)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.finishWriting()
                for _ in 0..<3 { #expect(try await far.read(upTo: 1) == nil) }
            }
        }
    }

    @Test func `data and end that come together are both read (S490, S510)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 100) }
                try await settle()
                try await near.write("last")
                await near.close()
                #expect(try await reader.value == Array("last".utf8))
                #expect(try await far.read(upTo: 100) == nil)
            }
        }
    }

    @Test func `bytes are read into the caller's memory (S489, S490)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                var memory = pattern(8)
                let before = memory
                try await near.write([1, 2, 3])
                var span = memory.mutableSpan
                var bytes = span.mutableBytes
                #expect(try await far.read(into: &bytes) == 3)
                #expect(memory == [1, 2, 3] + before[3...])
                try await near.finishWriting()
                var rest = memory.mutableSpan
                var last = rest.mutableBytes
                #expect(try await far.read(into: &last) == nil)
            }
        }
    }

    @Test
    func `a second reader is refused, and the first goes on (S410, S448, A22)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                #expect(await ioCode { _ = try await far.read(upTo: 1) } == .busy)
                #expect(await ioCode { _ = try await far.read(upTo: 0) } == .busy)
                try await near.write("x")
                #expect(try await reader.value == Array("x".utf8))
                try await near.write("y")
                #expect(try await far.read(upTo: 1) == Array("y".utf8))
            }
        }
    }

    @Test func `a reader and a writer wait at the same time (S410, S411)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let reader = spawn { try await near.read(upTo: 9) }
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                #expect(!reader.isFinished && !writer.isFinished)
                try await far.write("x")
                #expect(try await reader.value == Array("x".utf8))
                #expect(try await far.read(exactly: 1_000_000) == pattern(1_000_000))
                try await writer.value
            }
        }
    }

    @Test func `a new connection is writable and not readable (S421)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await settle()
                for stream in [near, far] {
                    #expect(stream.readiness.contains(.writable))
                    #expect(!stream.readiness.contains(.readable))
                }
            }
        }
    }

    @Test func `readiness stays until it is used up, and comes back (S421)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                for _ in 0..<3 {
                    try await near.write("abc")
                    try await far.untilReadable()
                    try await settle()
                    #expect(far.readiness.contains(.readable))
                    _ = try await far.read(upTo: 2)
                    #expect(far.readiness.contains(.readable))
                    _ = try await far.read(upTo: 2)
                    #expect(!far.readiness.contains(.readable))
                }
            }
        }
    }

    @Test func `a cancelled task reads nothing, not even what is there (S432, D17)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("x")
                try await far.untilReadable()
                let reader = spawn { try await far.read(upTo: 9) }
                reader.cancel()
                #expect(await reader.result.isCancelled)
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test
    func `a waiting read that is cancelled ends in the next turn (S432, S436, D17)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                reader.cancel()
                try await yield()
                #expect(reader.isFinished)
                #expect(await reader.result.isCancelled)
                try await near.write("x")
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test func `a cancellation before the event loses no byte (S432, D17)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                try await near.write("x")
                reader.cancel()
                #expect(await reader.result.isCancelled)
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test
    func `a cancellation after the event leaves the bytes to the read (S432, D17)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                try await near.write("x")
                // The event ends the wait while this task is ahead of the reader.
                try await far.untilReadable()
                #expect(!reader.isFinished)
                reader.cancel()
                #expect(try await reader.value == Array("x".utf8))
            }
        }
    }

    @Test
    func `an interrupted recv is repeated (I4)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                script_fail(SCRIPT_RECV, 1, 3, EINTR)
                try await near.write("x")
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
                #expect(script_count(SCRIPT_RECV) == 4)
            }
        }
    }

    @Test(arguments: [ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EIO, ENOMEM])
    func `a failing recv is told with its errno, and the next read goes on (I4)`(
        errno: CInt
    ) async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                try await near.write("x")
                try await far.untilReadable()
                script_fail(SCRIPT_RECV, 1, 1, errno)
                let error = await #expect(throws: IOError.self) { try await far.read(upTo: 9) }
                #expect(error?.errno == errno)
                #expect(error?.operation == "read from \(far.peerAddress)")
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }
}
