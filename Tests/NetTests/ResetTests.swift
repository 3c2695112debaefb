import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Resets on purpose: D3, S458, S459, S536.
@Suite(.watched)
struct ResetTests {
    @Test func `the peer sees a reset, after what has arrived (D3, S458)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("hello")
                try await far.untilReadable()
                await near.reset()
                #expect(try await far.read(upTo: 9) == Array("hello".utf8))
                #expect(await ioCode { _ = try await far.read(upTo: 9) } == .connectionReset)
                #expect(await ioCode { try await far.write("x") } == .brokenPipe)
            }
        }
    }

    @Test func `what the kernel has not sent yet is dropped (D3, S536)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                await near.reset()
                #expect(await writer.result.ioCode == .closed)
                var received: UInt64 = 0
                let code = await ioCode {
                    while let bytes = try await far.read(upTo: 65_536) {
                        received += UInt64(bytes.count)
                    }
                }
                #expect(code == .connectionReset)
                #expect(received < near.bytesWritten)
            }
        }
    }

    @Test func `a reset wakes the reader and the writer with closed (S446, D22)`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let reader = spawn { try await near.read(upTo: 9) }
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                let closes = script_count(SCRIPT_CLOSE)
                await near.reset()
                await near.reset()
                await near.close()
                #expect(script_count(SCRIPT_CLOSE) == closes + 1)
                #expect(await reader.result.ioCode == .closed)
                #expect(await writer.result.ioCode == .closed)
                #expect(await ioCode { _ = try await near.read(upTo: 9) } == .closed)
            }
        }
    }

    @Test func `a reset works after a half-close, which does not work after it (S459)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                try await near.finishWriting()
                #expect(try await far.read(upTo: 9) == nil)
                await near.reset()
                #expect(await ioCode { try await near.finishWriting() } == .closed)
                while far.readiness.isDisjoint(with: .error) { try await yield() }
                #expect(await ioCode { try await far.write("x") } != nil)
            }
        }
    }

    @Test func `a reset after the close does nothing`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                await near.close()
                let calls = script_count(SCRIPT_SETSOCKOPT)
                await near.reset()
                #expect(script_count(SCRIPT_SETSOCKOPT) == calls)
                let end = try await far.read(upTo: 9)
                #expect(end == nil)
            }
        }
    }

    @Test func `a connection closes even if the reset is refused`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                script_fail(SCRIPT_SETSOCKOPT, 1, 1, EINVAL)
                await near.reset()
                let end = try await far.read(upTo: 9)
                #expect(end == nil)
            }
        }
    }

    @Test func `a cancelled task resets, too (S512)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let task = spawn {
                    try? await sleep(for: .seconds(3600))
                    await near.reset()
                }
                try await settle()
                task.cancel()
                _ = await task.result
                #expect(await ioCode { _ = try await far.read(upTo: 9) } == .connectionReset)
            }
        }
    }

    @Test func `a reset works from another loop, from none, and after the stop (I11)`() async throws
    {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        let pairs = try await owner.run { [try await makePair(), try await makePair()] }
        await pairs[0].near.reset()
        let code = await ioCode { _ = try await pairs[0].far.read(upTo: 9) }
        #expect(code == .connectionReset)
        try await onLoop {
            await pairs[1].near.reset()
            let code = await ioCode { _ = try await pairs[1].far.read(upTo: 9) }
            #expect(code == .connectionReset)
        }
        try await owner.shutdown()
        await pairs[0].far.reset()
        await pairs[1].far.reset()
    }
}
