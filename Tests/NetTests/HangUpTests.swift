import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct HangUpTests {
    @Test
    func `a half-closed peer's data is read, then the end, and it still reads (D10)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("request")
                try await near.finishWriting()
                #expect(try await far.readAll() == Array("request".utf8))
                try await far.write("answer")
                await far.close()
                #expect(try await near.readAll() == Array("answer".utf8))
            }
        }
    }

    @Test
    func `a half-close or hang-up that nobody reads does not make the loop spin (S426, S541, D10)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("unread")
                try await near.finishWriting()
                try await settle()
                let events = currentLoop.statistics.events
                try await settle(200)
                // One or two may still have been on their way.
                #expect(currentLoop.statistics.events <= events + 2)
                await far.reset()
                try await settle()
                let afterReset = currentLoop.statistics.events
                try await settle(200)
                #expect(currentLoop.statistics.events <= afterReset + 2)
            }
        }
    }

    @Test func `urgent data is no part of the stream, and does not make the loop spin (D15)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await near.read(upTo: 9) }
                try await settle()
                var byte: UInt8 = 33
                for _ in 0..<2 {
                    #expect(send(far.descriptor, &byte, 1, CInt(MSG_OOB)) == 1)
                    try await settle()
                    let events = currentLoop.statistics.events
                    try await settle(200)
                    #expect(currentLoop.statistics.events <= events + 2)
                    #expect(!reader.isFinished)
                }
                try await far.write("x")
                try await far.finishWriting()
                let first = try await reader.value
                #expect((first ?? []) + (try await near.readAll()) == Array("x".utf8))
            }
        }
    }

    @Test func `a stream that only its reader holds goes with it, as others of its batch (S430)`()
        async throws
    {
        try await onLoop {
            let watched = currentLoop.statistics.watchedDescriptors
            var fars: [TCPStream] = []
            var readers: [TaskHandle<[UInt8]?, any Error>] = []
            for _ in 0..<8 {
                let (near, far) = try await makePair()
                fars.append(far)
                readers.append(spawn { try await near.read(upTo: 1) })
            }
            try await settle()
            #expect(currentLoop.statistics.watchedDescriptors == watched + 16)
            for (index, far) in fars.enumerated() {
                if index.isMultiple(of: 2) { try await far.write("x") } else { await far.close() }
            }
            for (index, reader) in readers.enumerated() {
                #expect(try await reader.value == (index.isMultiple(of: 2) ? [120] : nil))
            }
            try await settle()
            #expect(currentLoop.statistics.watchedDescriptors == watched + 4)
            for far in fars { await far.close() }
        }
    }

    @Test func `a hang-up with unread data loses none of it (S426)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let bytes = pattern(100_000)
                let writer = spawn {
                    try await near.write(bytes)
                    await near.close()
                }
                try await settle()
                #expect(try await far.readAll(chunk: 777) == bytes)
                try await writer.value
                #expect(try await far.read(upTo: 1) == nil)
            }
        }
    }

    @Test func `a reset is an error on read, once, and then the end (S458, D3)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                await near.reset()
                let error = await #expect(throws: IOError.self) { try await reader.value }
                #expect(error?.code == .connectionReset)
                #expect(error?.errno == ECONNRESET)
                #expect(try await far.read(upTo: 9) == nil)
                #expect(try await far.read(upTo: 9) == nil)
            }
        }
    }

    @Test func `what came before a reset is read before the error (S458, D3)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.write("before")
                try await far.untilReadable()
                await near.reset()
                try await settle()
                #expect(try await far.read(upTo: 100) == Array("before".utf8))
                #expect(await ioCode { _ = try await far.read(upTo: 1) } == .connectionReset)
                #expect(try await far.read(upTo: 1) == nil)
            }
        }
    }

    @Test func `a reset ends the waits of reader and writer, once each (D21)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let reader = spawn { try await near.read(upTo: 9) }
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                await far.reset()
                // One of them fetches the reset. The other sees the end, or a pipe that is broken.
                let read = await reader.result
                let written = await writer.result.ioCode
                if read.ioCode != .connectionReset { #expect(try read.get() == nil) }
                #expect(written == (read.ioCode == nil ? .connectionReset : .brokenPipe))
            }
        }
    }

    @Test
    func `writing to a peer that is gone fails in the end, and stays broken (S509)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                await far.close()
                var codes: [IOError.Code] = []
                for _ in 0..<100_000 where codes.isEmpty {
                    if let code = await ioCode({ try await near.write("x") }) {
                        codes.append(code)
                    }
                    try await yield()
                }
                #expect(codes == [.brokenPipe] || codes == [.connectionReset])
                for _ in 0..<3 {
                    #expect(await ioCode { try await near.write("x") } == .brokenPipe)
                }
            }
        }
    }

    @Test func `a writer that waits learns that the peer is gone (S509)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let writer = spawn { try await near.write(pattern(1_000_000)) }
                try await near.untilFull()
                // With unread data at the far end this is a reset.
                await far.close()
                let code = await writer.result.ioCode
                #expect(code == .brokenPipe || code == .connectionReset)
                #expect(await ioCode { try await near.write("x") } == .brokenPipe)
            }
        }
    }
}
