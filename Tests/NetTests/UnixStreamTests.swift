import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct UnixStreamTests {
    @Test func `a path carries a conversation, and is gone afterwards (S560)`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let listener = try UnixListener.bind(to: address)
                #expect(exists("\(folder)/s"))
                try await converse(listener, address)
                await listener.close()
                #expect(!exists("\(folder)/s"))
            }
        }
    }

    @Test func `an abstract name carries a conversation, and frees itself`() async throws {
        try await onScriptedLoop {
            for name in ["asynccore \(getpid())", "a\0b \(getpid())"] {
                for _ in 0..<2 {
                    let listener = try await onceReleased(.addressInUse) {
                        try UnixListener.bind(to: .abstract(name))
                    }
                    try await converse(listener, .abstract(name))
                    await listener.close()
                }
            }
        }
    }

    private func converse(_ listener: UnixListener, _ address: UnixAddress) async throws {
        let server = spawn {
            for try await stream in listener {
                #expect(stream.localAddress == address && stream.peerAddress == .unnamed)
                try await stream.withConnection {
                    while let bytes = try await $0.read(upTo: 65_536) { try await $0.write(bytes) }
                }
            }
        }
        try await UnixStream.withConnection(to: address) { stream in
            #expect(stream.localAddress == .unnamed && stream.peerAddress == address)
            let writer = spawn {
                try await stream.write(pattern(1_000_000))
                try await stream.finishWriting()
            }
            #expect(
                try await BufferedReader(stream).readToEnd(limit: 1_000_000) == pattern(1_000_000))
            try await writer.value
        }
        await listener.close()
        try await server.value
        #expect(listener.statistics.accepted == 1)
    }

    @Test func `a pair is connected, and both ends are unnamed (F4)`() async throws {
        try await onScriptedLoop {
            let (near, far) = try UnixStream.pair()
            #expect(near.peerAddress == .unnamed && far.localAddress.description == "(unnamed)")
            try await near.write("hello")
            #expect(try await far.read(upTo: 9) == Array("hello".utf8))
            await near.close()
            #expect(try await far.read(upTo: 9) == nil)
            #expect(await ioCode { try await far.write("x") } == .brokenPipe)
            let error = await #expect(throws: IOError.self) { try await near.read(upTo: 1) }
            #expect(error?.operation == "read from a Unix socket")
            await far.close()
        }
    }

    @Test func `credentials are those of the process (and survive its close)`() async throws {
        try await onLoop {
            let (near, far) = try UnixStream.pair()
            let expected = UnixCredentials(
                processID: getpid(), userID: geteuid(), groupID: getegid())
            #expect(try await near.peerCredentials() == expected)
            await far.close()
            #expect(try await near.peerCredentials() == expected)
            await near.close()
            #expect(await ioCode { _ = try await near.peerCredentials() } == .closed)
        }
    }

    @Test func `an end that nobody holds any more is closed`() async throws {
        try await onScriptedLoop {
            let far: UnixStream
            do {
                let pair = try UnixStream.pair()
                far = pair.1
            }
            #expect(try await far.read(upTo: 9) == nil)
            await far.close()
        }
    }

    @Test func `who is not there is not found, and who does not listen refuses (S440, C11)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                #expect(await ioCode { _ = try await UnixStream.connect(to: address) } == .notFound)
                let listener = try UnixListener.bind(to: address, unlinksOnClose: false)
                await listener.close()
                #expect(
                    await ioCode { _ = try await UnixStream.connect(to: address) }
                        == .connectionRefused)
                let nobody = UnixAddress.abstract("nobody \(getpid())")
                #expect(
                    await ioCode { _ = try await UnixStream.connect(to: nobody) }
                        == .connectionRefused)
            }
        }
    }

    @Test func `a full backlog is waited for, not refused (C18)`() async throws {
        try await onScriptedLoop {
            let address = UnixAddress.abstract("full \(getpid())")
            let listener = try UnixListener.bind(to: address, backlog: 0)
            let first = try await UnixStream.connect(to: address)
            let second = spawn { try await UnixStream.connect(to: address) }
            let third = spawn { try await UnixStream.connect(to: address) }
            while script_count(SCRIPT_CONNECT) < 5 { try await yield() }
            #expect(!second.isFinished && !third.isFinished)
            // A cancelled one leaves no descriptor behind; see onScriptedLoop.
            third.cancel()
            #expect(await third.result.isCancelled)
            let accepted = try await listener.accept()
            let other = try await second.value
            for stream in [first, accepted, other, try await listener.accept()] {
                await stream.close()
            }
            await listener.close()
        }
    }

    @Test func `calls from elsewhere are forwarded`() async throws {
        try await withFolder { folder in
            try await withLoops(2) { loops in
                let address = UnixAddress.path("\(folder)/s")
                let listener = try await loops[0].run { try UnixListener.bind(to: address) }
                let near = try await loops[1].run { try await UnixStream.connect(to: address) }
                let far = try await listener.accept()
                try await far.write("hello")
                #expect(try await near.read(upTo: 9) == Array("hello".utf8))
                #expect(try await near.peerCredentials().processID == getpid())
                await listener.close()
                #expect(!exists("\(folder)/s"))
                await near.close()
                #expect(try await far.read(upTo: 9) == nil)
                await far.close()
            }
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM])
    func `a pair that cannot be made is an error, and leaves nothing (C2)`(errno: CInt) async throws
    {
        try await onScriptedLoop {
            script_fail(SCRIPT_SOCKETPAIR, 1, 1, errno)
            #expect(await ioCode { _ = try UnixStream.pair() } == .resourcesExhausted)
            for nth in 1...2 {
                script_fail(SCRIPT_EPOLL_CTL, UInt64(nth), 1, errno)
                #expect(throws: IOError.self) { _ = try UnixStream.pair() }
                try await settle()
                script_fail(SCRIPT_EPOLL_CTL, 1, 0, 0)
            }
        }
    }

    @Test func `a loop that has stopped opens nothing (I11)`() async throws {
        let late = try await onLoop {
            let idle = try UnixStream.pair()
            let late = startUnknownTask {
                _ = try? await idle.0.read(upTo: 1)
                let address = UnixAddress.abstract("late \(getpid())")
                #expect(throws: EventLoopError.stopped) { _ = try UnixStream.pair() }
                #expect(throws: EventLoopError.stopped) { _ = try UnixListener.bind(to: address) }
                await #expect(throws: EventLoopError.stopped) {
                    _ = try await UnixStream.connect(to: address)
                }
                try await idle.1.write([1])
            }
            try await settle()
            return late
        }
        #expect(await late.result.isStopped)
    }
}
