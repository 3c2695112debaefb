import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct UnixListenerTests {
    @Test func `a name that is too long is refused before any call, with the limit (F1)`()
        async throws
    {
        try await onScriptedLoop {
            let long = String(repeating: "x", count: 108)
            for address in [UnixAddress.path(long), .abstract(long)] {
                let before = script_count(SCRIPT_SOCKET)
                let error = #expect(throws: IOError.self) {
                    _ = try UnixListener.bind(to: address)
                }
                #expect(error?.code == .invalidAddress)
                #expect(error?.detail?.contains("108 bytes; 107 is the limit") == true)
                #expect(
                    await ioCode { _ = try await UnixStream.connect(to: address) }
                        == .invalidAddress)
                #expect(script_count(SCRIPT_SOCKET) == before)
            }
        }
    }

    @Test func `the longest path works`() async throws {
        try await withFolder { folder in
            let name = String(repeating: "x", count: 107 - folder.utf8.count - 1)
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/\(name)")
                let listener = try UnixListener.bind(to: address)
                let stream = try await UnixStream.connect(to: address)
                let accepted = try await listener.accept()
                await listener.close()
                await stream.close()
                await accepted.close()
                #expect(!exists("\(folder)/\(name)"))
            }
        }
    }

    @Test(arguments: [
        UnixAddress.path(""), .path("a\0b"), .abstract(""), .unnamed,
    ])
    func `what is no name is refused (F1)`(address: UnixAddress) async throws {
        try await onLoop {
            #expect(await ioCode { _ = try UnixListener.bind(to: address) } == .invalidAddress)
            #expect(
                await ioCode { _ = try await UnixStream.connect(to: address) } == .invalidAddress)
        }
    }

    @Test func `a stale socket is refused with a hint, and replaced if asked (S561, F2)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let dead = try UnixListener.bind(to: address, unlinksOnClose: false)
                await dead.close()
                #expect(exists("\(folder)/s"))
                let error = #expect(throws: IOError.self) {
                    _ = try UnixListener.bind(to: address)
                }
                #expect(error?.code == .addressInUse && error?.errno == EADDRINUSE)
                #expect(error?.detail?.contains(".replaceIfStale") == true)
                let listener = try UnixListener.bind(to: address, existing: .replaceIfStale)
                let stream = try await UnixStream.connect(to: address)
                await stream.close()
                await listener.close()
                #expect(!exists("\(folder)/s"))
            }
        }
    }

    @Test func `a socket that somebody listens on is never replaced (S561, F2)`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                for backlog in [0, 10] {
                    let listener = try UnixListener.bind(to: address, backlog: backlog)
                    // With a backlog of 0 the probe finds it full.
                    let stream = try await UnixStream.connect(to: address)
                    let error = #expect(throws: IOError.self) {
                        _ = try UnixListener.bind(to: address, existing: .replaceIfStale)
                    }
                    #expect(error?.code == .addressInUse)
                    #expect(error?.detail == "a process listens there")
                    #expect(exists("\(folder)/s"))
                    await stream.close()
                    await listener.close()
                }
            }
        }
    }

    @Test func `a file that is no socket is never replaced (S561)`() async throws {
        try await withFolder { folder in
            touch("\(folder)/s")
            try await onScriptedLoop {
                let error = #expect(throws: IOError.self) {
                    _ = try UnixListener.bind(
                        to: .path("\(folder)/s"), existing: .replaceIfStale)
                }
                #expect(error?.code == .addressInUse)
                #expect(error?.detail == "a file that is no socket is there")
                #expect(exists("\(folder)/s"))
            }
        }
    }

    @Test func `two listeners of one abstract name are one too many (C19, S457)`() async throws {
        try await onScriptedLoop {
            let address = UnixAddress.abstract("twice \(getpid())")
            let listener = try UnixListener.bind(to: address)
            #expect(
                await ioCode { _ = try UnixListener.bind(to: address, existing: .replaceIfStale) }
                    == .addressInUse)
            await listener.close()
        }
    }

    @Test func `a path that was replaced or removed meanwhile is left alone (S560)`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let first = try UnixListener.bind(to: address)
                unlink("\(folder)/s")
                let second = try UnixListener.bind(to: address)
                await first.close()
                #expect(exists("\(folder)/s"))
                unlink("\(folder)/s")
                await second.close()
                let third = try UnixListener.bind(to: address)
                unlink("\(folder)/s")
                touch("\(folder)/s")
                await third.close()
                await third.close()
                #expect(exists("\(folder)/s"))
            }
        }
    }

    @Test func `a path is removed with the last reference, unless it is to stay (S560)`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                do { _ = try UnixListener.bind(to: address) }
                #expect(!exists("\(folder)/s"))
                do { _ = try UnixListener.bind(to: address, unlinksOnClose: false) }
                #expect(exists("\(folder)/s"))
            }
        }
    }

    @Test func `each call of a bind fails once, and nothing is left (I3, I4)`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                let calls = [
                    (SCRIPT_SOCKET, EMFILE), (SCRIPT_BIND, EACCES), (SCRIPT_LISTEN, EADDRINUSE),
                    (SCRIPT_EPOLL_CTL, ENOSPC),
                ]
                for (call, errno) in calls {
                    script_fail(call, 1, 1, errno)
                    let error = #expect(throws: IOError.self) {
                        _ = try UnixListener.bind(to: address)
                    }
                    #expect(error?.errno == errno)
                    #expect(error?.operation == "listen on \(address)")
                    #expect(!exists("\(folder)/s"))
                }
                let listener = try UnixListener.bind(to: address)
                #expect(listener.removalError == nil)
                script_fail(SCRIPT_UNLINK, 1, 1, EACCES)
                await listener.close()
                #expect(listener.removalError?.code == .permissionDenied)
                #expect(listener.removalError?.operation == "remove \(address)")
                #expect(exists("\(folder)/s"))
            }
        }
    }

    @Test func `a missing folder is told as not found`() async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                #expect(
                    await ioCode { _ = try UnixListener.bind(to: .path("\(folder)/none/s")) }
                        == .notFound)
            }
        }
    }

    @Test func `closing wakes the accepting task, and ends the sequence (S417, S446, A22)`()
        async throws
    {
        try await onScriptedLoop {
            let listener = try UnixListener.bind(to: .abstract("closing \(getpid())"))
            let acceptor = spawn { try await listener.accept() }
            try await settle()
            #expect(await ioCode { _ = try await listener.accept() } == .busy)
            await listener.close()
            #expect(await acceptor.result.ioCode == .closed)
            for try await _ in listener { Issue.record("a connection after the end") }
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func `accepting pauses when descriptors run out, and recovers (S462, C2)`(
        errno: CInt
    ) async throws {
        try await onScriptedLoop {
            let address = UnixAddress.abstract("pause \(getpid()) \(errno)")
            let listener = try UnixListener.bind(to: address)
            script_fail(SCRIPT_ACCEPT4, 1, 1, errno)
            let near = try await UnixStream.connect(to: address)
            let far = try await listener.accept()
            #expect(listener.statistics == .init(accepted: 1, pauses: 1))
            for stream in [near, far] { await stream.close() }
            await listener.close()
        }
    }

    @Test func `addresses are printed, and compared`() {
        #expect(UnixAddress.path("/run/x").description == "/run/x")
        #expect(UnixAddress.abstract("x").description == "@x")
        #expect(UnixAddress.abstract([0x61, 0, 0x0A, 0xFF]).description == #"@a\x00\x0a\xff"#)
        #expect(UnixAddress.path("x") != .abstract("x"))
        #expect(UnixAddress.abstract([0x61]) == .abstract("a"))
    }

    @Test(arguments: [UInt32(0o600), 0o660, 0o777, 0o000])
    func `the file has just the permissions that were asked for`(permissions: UInt32) async throws {
        try await withFolder { folder in
            try await onScriptedLoop {
                let listener = try UnixListener.bind(
                    to: .path("\(folder)/s"), permissions: permissions)
                #expect(mode("\(folder)/s") == permissions)
                await listener.close()
                #expect(!exists("\(folder)/s") && listener.removalError == nil)
            }
        }
    }

    @Test func `the file never allows more than was asked for, and goes if that fails`()
        async throws
    {
        try await withFolder { folder in
            try await onScriptedLoop {
                let address = UnixAddress.path("\(folder)/s")
                // Before the file is made, and between its making and the last word on it.
                script_fail(SCRIPT_FCHMOD, 1, 1, EACCES)
                #expect(
                    await ioCode { _ = try UnixListener.bind(to: address, permissions: 0o600) }
                        == .permissionDenied)
                #expect(!exists("\(folder)/s"))
                // A call that finds the file right already says so before it would change it.
                let changes = script_count(SCRIPT_FCHMODAT)
                let listener = try UnixListener.bind(to: address, permissions: 0o600)
                #expect(mode("\(folder)/s") == 0o600)
                #expect(script_count(SCRIPT_FCHMODAT) == changes)
                await listener.close()
                script_fail(SCRIPT_LSTAT, 2, 1, EACCES)
                #expect(
                    await ioCode { _ = try UnixListener.bind(to: address, permissions: 0o600) }
                        == .permissionDenied)
                #expect(!exists("\(folder)/s"))
            }
        }
    }
}
