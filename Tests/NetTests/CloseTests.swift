import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct CloseTests {
    @Test func `closing wakes reader and writer with closed (S417, S446, D22)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let reader = spawn { try await near.read(upTo: 9) }
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                let before = script_open_descriptors()
                await near.close()
                // Released before those who waited have run.
                #expect(script_open_descriptors() == before - 1)
                #expect(!reader.isFinished && !writer.isFinished)
                #expect(await reader.result.ioCode == .closed)
                #expect(await writer.result.ioCode == .closed)
            }
        }
    }

    @Test func `closing wakes the accepting task with closed (S417, S446)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let acceptor = spawn { try await listener.accept() }
            try await settle()
            await listener.close()
            #expect(await acceptor.result.ioCode == .closed)
        }
    }

    @Test func `operations on what is closed say closed, at once (S446)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            await listener.close()
            #expect(await ioCode { _ = try await listener.accept() } == .closed)
            try await withPair { near, _ in
                await near.close()
                #expect(await ioCode { _ = try await near.read(upTo: 1) } == .closed)
                #expect(await ioCode { _ = try await near.read(upTo: 0) } == .closed)
                #expect(await ioCode { try await near.write("x") } == .closed)
                #expect(await ioCode { try await near.write("") } == .closed)
                #expect(await ioCode { try await near.finishWriting() } == .closed)
            }
        }
    }

    @Test
    func `closing works after a cancelled read and a cancelled write (S446, S513)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let reader = spawn { try await near.read(upTo: 9) }
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await settle()
                reader.cancel()
                writer.cancel()
                #expect(await reader.result.isCancelled)
                #expect(await writer.result.isCancelled)
                let sent = Int(near.bytesWritten)
                try await near.finishWriting()
                #expect(try await far.readAll() == pattern(sent))
                await far.close()
                #expect(try await near.read(upTo: 1) == nil)
                await near.close()
            }
        }
    }

    @Test func `a cancelled task closes all the same (S512)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                let before = script_open_descriptors()
                let closer = spawn {
                    #expect(Task.isCancelled)
                    await near.close()
                }
                closer.cancel()
                await closer.value
                #expect(script_open_descriptors() == before - 1)
                let rest = try await far.read(upTo: 1)
                #expect(rest == nil)
            }
        }
    }

    @Test func `a cancelled body closes its connection (S512)`() async throws {
        try await onScriptedLoop {
            let (near, far) = try await makePair()
            let body = spawn {
                try await near.withConnection { stream in _ = try await stream.read(upTo: 9) }
            }
            try await settle()
            body.cancel()
            #expect(await body.result.isCancelled)
            #expect(try await far.read(upTo: 1) == nil)
            await far.close()
        }
    }

    @Test func `closing after a write gives the peer all data, then the end (S510)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let bytes = pattern(1_000_000)
                let writer = spawn {
                    try await near.write(bytes)
                    await near.close()
                }
                #expect(try await far.readAll() == bytes)
                try await writer.value
            }
        }
    }

    @Test
    func `closing twice closes the number once: it may be somebody else's (S519)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                await near.close()
                try await withPair { next, peer in
                    let closes = script_count(SCRIPT_CLOSE)
                    await near.close()
                    await near.close()
                    #expect(script_count(SCRIPT_CLOSE) == closes)
                    try await next.write("x")
                    #expect(try await peer.read(upTo: 9) == Array("x".utf8))
                }
            }
        }
    }

    @Test(arguments: [EINTR, EIO, ENOSPC])
    func `a close that fails has closed, and is not repeated (A26)`(errno: CInt) async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                let before = script_open_descriptors()
                script_fail(SCRIPT_CLOSE, 1, 9, errno)
                await near.close()
                #expect(script_open_descriptors() == before - 1)
                #expect(script_count(SCRIPT_CLOSE) == 2)  // the listener's was the first
                script_fail(SCRIPT_CLOSE, 1, 0, 0)
                let rest = try await far.read(upTo: 1)
                #expect(rest == nil)
            }
        }
    }

    @Test
    func `a close between event and read says closed, not bad descriptor (S520)`() async throws {
        try await onScriptedLoop {
            // After much, nothing is received for a reader before it goes on; after little, it is.
            for count in [9_000, 1] {
                try await withPair { near, far in
                    try await near.write(pattern(count))
                    _ = try await far.read(upTo: 9_000)
                    let reader = spawn { try await far.read(upTo: 9) }
                    try await settle()
                    try await near.write("x")
                    try await far.untilReadable()
                    #expect(!reader.isFinished && far.hasReceived == (count == 1))
                    let receives = script_count(SCRIPT_RECV)
                    await far.close()
                    #expect(await reader.result.ioCode == .closed)
                    #expect(script_count(SCRIPT_RECV) == receives)
                    // Nobody holds what was received.
                    let room = currentLoop.core.bytePool.value.room
                    if count == 1 { #expect(room == BytePool.size) }
                }
            }
        }
    }

    @Test
    func `a close between room and send says closed, not bad descriptor (S520)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                try await far.drain(untilRoomFor: near)
                await near.close()
                #expect(await writer.result.ioCode == .closed)
            }
        }
    }

    @Test func `a stream that nobody holds is closed (I3)`() async throws {
        try await onScriptedLoop {
            let (near, far) = try await makePair()
            func lose() async throws {
                let (_, lost) = (near, try await makePair().near)
                _ = lost
            }
            for _ in 0..<10 { try await lose() }
            try await settle()
            #expect(currentLoop.statistics.watchedDescriptors == 2)
            await near.close()
            await far.close()
        }
    }
}
