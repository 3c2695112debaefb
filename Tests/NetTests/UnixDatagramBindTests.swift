import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// The names of Unix datagram sockets, and the files behind them: S560, S561, F1, F2.
@Suite(.watched)
struct UnixDatagramBindTests {
    private static var replacing: UnixDatagramSocket.Options {
        var options = UnixDatagramSocket.Options()
        options.existing = .replaceIfStale
        return options
    }

    private static var staying: UnixDatagramSocket.Options {
        var options = UnixDatagramSocket.Options()
        options.unlinksOnClose = false
        return options
    }

    @Test func `a name that is none is refused before any call, for each use of it (F1)`()
        async throws
    {
        try await onScriptedLoop {
            let long = String(repeating: "x", count: 108)
            let socket = try UnixDatagramSocket.bind(to: .unnamed)
            for address in [UnixAddress.path(long), .abstract(long), .path(""), .path("a\0b")] {
                let calls = [script_count(SCRIPT_SOCKET), script_count(SCRIPT_SENDMMSG)]
                let error = #expect(throws: IOError.self) {
                    _ = try UnixDatagramSocket.bind(to: address)
                }
                #expect(error?.code == .invalidAddress)
                #expect(error?.operation == "bind to \(address)")
                let codes = [
                    await ioCode { _ = try UnixDatagramSocket.connect(to: address) },
                    await ioCode {
                        _ = try UnixDatagramSocket.connect(
                            to: socket.localAddress, from: address)
                    },
                    await ioCode { try await socket.send([1], to: address) },
                ]
                #expect(codes == [.invalidAddress, .invalidAddress, .invalidAddress])
                #expect(calls == [script_count(SCRIPT_SOCKET), script_count(SCRIPT_SENDMMSG)])
            }
            let none = await ioCode { _ = try UnixDatagramSocket.connect(to: .unnamed) }
            #expect(none == .invalidAddress)
            await socket.close()
        }
    }

    @Test func `a stale socket is refused with a hint, and replaced if asked (S561, F2)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let peer = try UnixDatagramSocket.bind(to: .unnamed)
                await (try UnixDatagramSocket.bind(to: address, options: Self.staying)).close()
                #expect(exists("\(folder)/s"))
                let error = #expect(throws: IOError.self) {
                    _ = try UnixDatagramSocket.connect(to: peer.localAddress, from: address)
                }
                #expect(error?.code == .addressInUse && error?.errno == EADDRINUSE)
                #expect(error?.detail?.contains(".replaceIfStale") == true)
                let socket = try UnixDatagramSocket.bind(to: address, options: Self.replacing)
                try await peer.send([1], to: address)
                #expect(try await socket.receive().bytes == [1])
                await socket.close()
                #expect(!exists("\(folder)/s"))
                await peer.close()
            }
        }
    }

    @Test
    func `a path that somebody uses is never replaced, whatever the kind of socket (S561, F2)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                func refuses(_ detail: String) async {
                    let datagrams = #expect(throws: IOError.self) {
                        _ = try UnixDatagramSocket.bind(to: address, options: Self.replacing)
                    }
                    #expect(datagrams?.code == .addressInUse && datagrams?.detail == detail)
                    let streams = #expect(throws: IOError.self) {
                        _ = try UnixListener.bind(to: address, existing: .replaceIfStale)
                    }
                    #expect(streams?.code == .addressInUse && streams?.detail == detail)
                    #expect(exists("\(folder)/s"))
                }
                let free = try UnixDatagramSocket.bind(to: address)
                await refuses("a process listens there")
                await free.close()
                // One that is connected refuses a connection for another reason.
                let peer = try UnixDatagramSocket.bind(to: .unnamed)
                let taken = try UnixDatagramSocket.connect(to: peer.localAddress, from: address)
                await refuses("a process listens there")
                await taken.close()
                await peer.close()
                let listener = try UnixListener.bind(to: address)
                await refuses("a process listens there")
                await listener.close()
                #expect(!exists("\(folder)/s"))
                touch("\(folder)/s")
                await refuses("a file that is no socket is there")
            }
        }
    }

    @Test func `a path goes with its socket, if it is still the same, unless it is to stay (S560)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let first = try UnixDatagramSocket.bind(to: address)
                unlink("\(folder)/s")
                let second = try UnixDatagramSocket.bind(to: address)
                await first.close()
                #expect(exists("\(folder)/s"))
                await second.close()
                #expect(!exists("\(folder)/s"))
                let third = try UnixDatagramSocket.bind(to: address)
                unlink("\(folder)/s")
                touch("\(folder)/s")
                await third.close()
                await third.close()
                #expect(exists("\(folder)/s") && third.removalError == nil)
                unlink("\(folder)/s")
                do { _ = try UnixDatagramSocket.bind(to: address) }
                #expect(!exists("\(folder)/s"))
                do { _ = try UnixDatagramSocket.bind(to: address, options: Self.staying) }
                #expect(exists("\(folder)/s"))
            }
        }
    }

    @Test func `each call of a bind and a connect fails once, and nothing is left (I3, I4)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let peer = try UnixDatagramSocket.bind(to: .unnamed)
                var options = UnixDatagramSocket.Options()
                options.sendBufferSize = 100_000
                options.permissions = 0o640
                let calls = [
                    (SCRIPT_SOCKET, EMFILE), (SCRIPT_SETSOCKOPT, ENOMEM), (SCRIPT_FCHMOD, EACCES),
                    (SCRIPT_BIND, EACCES), (SCRIPT_GETSOCKNAME, ENOBUFS), (SCRIPT_CONNECT, EACCES),
                    (SCRIPT_EPOLL_CTL, ENOSPC),
                ]
                for (call, errno) in calls {
                    script_fail(call, 1, 1, errno)
                    let error = #expect(throws: IOError.self) {
                        _ = try UnixDatagramSocket.connect(
                            to: peer.localAddress, from: address, options: options)
                    }
                    #expect(error?.errno == errno, "call \(call.rawValue)")
                    #expect(error?.operation == "connect to \(peer.localAddress)")
                    #expect(!exists("\(folder)/s"))
                }
                let socket = try UnixDatagramSocket.bind(to: address, options: options)
                #expect(mode("\(folder)/s") == 0o640)
                script_fail(SCRIPT_UNLINK, 1, 1, EACCES)
                await socket.close()
                #expect(socket.removalError?.code == .permissionDenied)
                #expect(socket.removalError?.operation == "remove \(address)")
                #expect(exists("\(folder)/s"))
                await peer.close()
            }
        }
    }

    @Test func `a missing folder is told as not found`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/none/s")
                #expect(await ioCode { _ = try UnixDatagramSocket.bind(to: address) } == .notFound)
            }
        }
    }
}
