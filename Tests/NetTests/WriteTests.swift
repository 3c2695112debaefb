import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct WriteTests {
    @Test func `far more than the buffers hold arrives whole, in order (S439, D5)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let bytes = pattern(1_000_000)
                let writer = spawn {
                    try await near.write(bytes)
                    try await near.finishWriting()
                }
                #expect(try await far.readAll() == bytes)
                try await writer.value
                #expect(near.bytesWritten == 1_000_000)
            }
        }
    }

    @Test func `an empty write is allowed and means nothing (S506, D7)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let sends = currentLoop.statistics.sends
                try await near.write("")
                try await near.write([])
                #expect(currentLoop.statistics.sends == sends)
                try await near.write("x")
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test func `a peer that does not read holds the writer up (D8)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                // The kernel's buffers on both sides take some of it, never all.
                try await settle(200)
                #expect(!writer.isFinished && near.bytesWritten < 1_000_000)
                writer.cancel()
                #expect(await writer.result.isCancelled)
            }
        }
    }

    @Test
    func `a second writer is refused, and the first goes on (S410, S448, A22)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let bytes = pattern(1_000_000)
                let writer = spawn { try await near.write(bytes) }
                try await settle()
                #expect(await ioCode { try await near.write("x") } == .busy)
                #expect(await ioCode { try await near.write("") } == .busy)
                #expect(try await far.read(exactly: bytes.count) == bytes)
                try await writer.value
                try await near.write("y")
                #expect(try await far.read(upTo: 9) == Array("y".utf8))
            }
        }
    }

    @Test func `a cancelled task writes nothing (D18)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let writer = spawn { try await near.write("x") }
                writer.cancel()
                #expect(await writer.result.isCancelled)
                #expect(near.bytesWritten == 0)
                try await near.write("y")
                #expect(try await far.read(upTo: 9) == Array("y".utf8))
            }
        }
    }

    @Test
    func `a cancelled write tells how far it came, and another goes on (S436, D18)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let bytes = pattern(1_000_000)
                let writer = spawn { try await near.write(bytes) }
                try await settle()
                writer.cancel()
                try await yield()
                #expect(writer.isFinished)
                #expect(await writer.result.isCancelled)
                let sent = Int(near.bytesWritten)
                let reader = spawn { try await far.readAll() }
                try await near.write(Array(bytes[sent...]))
                try await near.finishWriting()
                #expect(try await reader.value == bytes)
            }
        }
    }

    @Test
    func `a cancellation after the event does not stop a write that then ends (D18)`() async throws
    {
        try await onScriptedLoop {
            try await withPair { near, far in
                try await settle()
                script_fail(SCRIPT_SEND, 1, 1, EAGAIN)
                let writer = spawn { try await near.write("x") }
                try await settle()
                #expect(near.isFull && near.bytesWritten == 0)
                // What comes in is a reason for the kernel to tell all of the socket's readiness.
                try await far.write("y")
                while near.isFull { try await yield() }
                #expect(!writer.isFinished)
                writer.cancel()
                try await writer.value
                #expect(near.bytesWritten == 1)
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test func `a half-close while a write is under way is refused (S516)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let bytes = pattern(1_000_000)
                let writer = spawn { try await near.write(bytes) }
                try await settle()
                #expect(await ioCode { try await near.finishWriting() } == .busy)
                #expect(try await far.read(exactly: bytes.count) == bytes)
                try await writer.value
                try await near.finishWriting()
                #expect(try await far.read(upTo: 1) == nil)
            }
        }
    }

    @Test
    func `after a half-close nothing is written, and reading goes on (D10, D12)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.finishWriting()
                try await near.finishWriting()
                #expect(await ioCode { try await near.write("x") } == .closed)
                #expect(try await far.read(upTo: 1) == nil)
                try await far.write("still")
                #expect(try await near.read(upTo: 9) == Array("still".utf8))
            }
        }
    }

    @Test func `a half-close after an error says so and harms nothing (D12)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                await far.reset()
                try await near.untilReadable()
                _ = await ioCode { _ = try await near.read(upTo: 1) }
                let error = await #expect(throws: IOError.self) { try await near.finishWriting() }
                #expect(error?.errno == ENOTCONN)
            }
        }
    }

    @Test(arguments: [EPIPE, ECONNRESET, ENOBUFS, ENOMEM, EMSGSIZE, EACCES, EPERM])
    func `a failing send is told with its errno (I4)`(errno: CInt) async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                script_fail(SCRIPT_SEND, 2, 1, errno)
                try await near.write("a")
                let error = await #expect(throws: IOError.self) { try await near.write("b") }
                #expect(error?.errno == errno)
                #expect(error?.operation == "write to \(near.peerAddress)")
                #expect(near.bytesWritten == 1)
                try await near.write("c")
                #expect(try await far.read(upTo: 9) == Array("ac".utf8))
            }
        }
    }

    @Test func `an interrupted send is repeated (I4)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                script_fail(SCRIPT_SEND, 1, 3, EINTR)
                try await near.write("x")
                #expect(script_count(SCRIPT_SEND) == 4)
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }
}
