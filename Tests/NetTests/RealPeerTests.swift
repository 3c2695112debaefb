import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Programs that know nothing of this library, at the other end.
@Suite(.watched)
struct RealPeerTests {
    @Test
    func `socat echoes what we send, and sees our half-close (D10, S510, S514)`() async throws {
        guard let socat = program("socat") else { return }
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let address = "TCP:\(listener.localAddress)"
            let peer = try start(socat, ["-T20", address, "EXEC:cat"])
            defer { end(peer) }
            let bytes = pattern(300_000)
            try await withTimeout(.seconds(30)) {
                try await listener.accept().withConnection { stream in
                    let writer = spawn {
                        try await stream.write(bytes)
                        try await stream.finishWriting()
                    }
                    #expect(try await stream.readAll() == bytes)
                    try await writer.value
                }
            }
            await listener.close()
        }
    }

    @Test func `socat echoes over a Unix socket (D10, S510)`() async throws {
        guard let socat = program("socat") else { return }
        try await withFolder { folder in
            try await onLoop {
                let path = "\(folder)/s"
                let listener = try UnixListener.bind(to: .path(path))
                let peer = try start(socat, ["-T20", "UNIX-CONNECT:\(path)", "EXEC:cat"])
                defer { end(peer) }
                let bytes = pattern(300_000)
                try await withTimeout(.seconds(30)) {
                    try await listener.accept().withConnection { stream in
                        #expect(try await stream.peerCredentials().processID == peer)
                        let writer = spawn {
                            try await stream.write(contentsOf: [bytes, bytes])
                            try await stream.finishWriting()
                        }
                        let back = try await BufferedReader(stream).readToEnd(limit: 600_000)
                        #expect(back == bytes + bytes)
                        try await writer.value
                    }
                }
                await listener.close()
            }
        }
    }

    @Test func `socat and logger exchange Unix datagrams with us`() async throws {
        try await withFolder { folder in
            try await onLoop {
                let address = UnixAddress.path("\(folder)/s")
                let socket = try UnixDatagramSocket.bind(to: address)
                if let logger = program("logger") {
                    let peer = try start(logger, ["-u", "\(address)", "-t", "me", "hello"])
                    defer { end(peer) }
                    let entry = try await withTimeout(.seconds(30)) { try await socket.receive() }
                    #expect(String(decoding: entry.bytes, as: UTF8.self).contains("me: hello"))
                    #expect(entry.address == .unnamed)
                }
                if let socat = program("socat") {
                    let other = UnixAddress.path("\(folder)/other")
                    let peer = try start(
                        socat, ["-T20", "UNIX-SENDTO:\(address),bind=\(other)", "EXEC:cat"])
                    defer { end(peer) }
                    try await withTimeout(.seconds(30)) {
                        // Until it has begun.
                        while await ioCode({ try await socket.send([7], to: other) }) != nil {
                            try await sleep(for: .milliseconds(2))
                        }
                        #expect(try await socket.receive() == Datagram([7], to: other))
                        try await socket.send(pattern(5_000), to: other)
                        #expect(try await socket.receive().bytes == pattern(5_000))
                    }
                }
                await socket.close()
            }
        }
    }

    @Test func `curl reads an answer whose end is the close (S510)`() async throws {
        guard let curl = program("curl") else { return }
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var ends: [CInt] = [-1, -1]
            #expect(script_pipe(&ends) == 0)
            let url = "http://\(listener.localAddress)/"
            let peer = try start(curl, ["-s", "-m", "20", "--noproxy", "*", url], output: ends[1])
            close(ends[1])
            try await withTimeout(.seconds(30)) {
                try await listener.accept().withConnection { stream in
                    var request: [UInt8] = []
                    while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                        request += try #require(try await stream.read(upTo: 4_096))
                    }
                    #expect(request.starts(with: "GET / HTTP/1.1\r\n".utf8))
                    try await stream.write("HTTP/1.0 200 OK\r\n\r\nhello, curl")
                }
            }
            // It has everything, and ends by itself.
            waitpid(peer, nil, 0)
            var answer = [UInt8](repeating: 0, count: 100)
            let count = Glibc.read(ends[0], &answer, 100)
            #expect(answer.prefix(max(count, 0)).elementsEqual("hello, curl".utf8))
            close(ends[0])
            await listener.close()
        }
    }
}

/// Where the program is. Without it the test is left out, with a word; but not in CI.
private func program(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    for folder in path.split(separator: ":") {
        let path = "\(folder)/\(name)"
        if access(path, X_OK) == 0 { return path }
    }
    if getenv("CI").map({ String(cString: $0) }) == "true" {
        Issue.record("\(name) is not installed")
    }
    print("left out: \(name) is not installed")
    return nil
}

/// Starts a program that gets nothing but its arguments, and `output`.
private func start(_ path: String, _ arguments: [String], output: CInt? = nil) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, path, &actions, nil, &words, environ)
    if result != 0 { throw SystemError(errno: result) }
    return child
}

/// Ends a program, if it has not ended by itself, and reaps it.
private func end(_ child: pid_t) {
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
}
