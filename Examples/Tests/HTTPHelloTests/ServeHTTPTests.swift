import AsyncCore
import Testing

@testable import HTTPHello

struct ServeHTTPTests {
    private static let hello =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(.timeLimit(.minutes(1)))
    func `pipelined requests are answered in order, up to the one that ends the connection`()
        async throws
    {
        let answers = try talk(
            Self.get + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
                + "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"
                + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + Self.get)
        let type = "Content-Type: text/plain\r\n"
        #expect(
            answers == Self.hello + "HTTP/1.1 200 OK\r\n\(type)Content-Length: 14\r\n\r\n"
                + "HTTP/1.1 404 Not Found\r\n\(type)Content-Length: 10\r\n\r\nNot Found\n"
                + "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n\(type)"
                + "Content-Length: 19\r\n\r\nMethod Not Allowed\n"
                + "HTTP/1.1 200 OK\r\nConnection: close\r\n\(type)Content-Length: 14\r\n\r\n"
                + "Hello, world!\n")
    }

    @Test(.timeLimit(.minutes(1)))
    func `more requests than the memory holds`() async throws {
        // Long enough that heads are cut at the end of the memory, at different places.
        let count = 2000
        let answers = try talk(String(repeating: Self.get, count: count))
        #expect(answers == String(repeating: Self.hello, count: count))
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("/?query", true), ("http://example.org", true), ("HTTP://example.org/", true),
            ("http://example.org/?query", true), ("http://example.org?query", true),
            ("http://example.org/other", false), ("/other", false), ("//", false), ("*", false),
            ("http://", false),
        ])
    func `targets`(_ target: String, _ isPage: Bool) async throws {
        let answers = try talk("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answers.hasPrefix(isPage ? "HTTP/1.1 200 " : "HTTP/1.1 404 "))
    }

    @Test(.timeLimit(.minutes(1)))
    func `bodies are read, and the next request is answered`() async throws {
        let notAllowed = try talk("POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        let big = String(repeating: "x", count: 100_000)
        for body in [
            "Content-Length: 5\r\n\r\nhello", "Content-Length: 100000\r\n\r\n\(big)",
            "Transfer-Encoding: chunked\r\n\r\n186a0\r\n\(big)\r\n0\r\nA: b\r\n\r\n",
        ] {
            let answers = try talk("POST / HTTP/1.1\r\nHost: a\r\n\(body)" + Self.get)
            #expect(answers == notAllowed + Self.hello)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a client that waits for leave to send is given it`() async throws {
        let answers = try EventLoop.run {
            try await withClient { client in
                try await client.write(
                    "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        + "Content-Length: 5\r\n\r\n")
                let reader = BufferedReader(client)
                let interim = try await reader.read(until: "\r\n\r\n", limit: 1000)
                try await client.write("hello")
                try await client.finishWriting()
                return interim + (try await reader.readToEnd(limit: 1000))
            }
        }
        #expect(
            String(decoding: answers, as: UTF8.self).hasPrefix(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n"))
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n",
                "413 Content Too Large"
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx",
                "400 Bad Request"
            ),
        ])
    func `a request that is refused ends the connection, after the answers before it`(
        _ request: String, _ status: String
    ) async throws {
        let answers = try talk(Self.get + request + Self.get)
        #expect(answers.hasPrefix(Self.hello + "HTTP/1.1 \(status)\r\nConnection: close\r\n"))
        #expect(!answers.dropFirst(Self.hello.count).contains("Hello"))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a head that does not become complete in time`() async throws {
        var limits = HTTPLimits()
        limits.headTime = .milliseconds(20)
        let answers = try EventLoop.run { [limits] in
            try await withClient(limits) { client in
                try await client.write("GET / HTTP/1.1\r\nHost")
                return try await BufferedReader(client).readToEnd(limit: 1000)
            }
        }
        #expect(String(decoding: answers, as: UTF8.self).hasPrefix("HTTP/1.1 408 Request Timeout"))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a body that does not become complete in time`() async throws {
        var limits = HTTPLimits()
        limits.bodyTime = .milliseconds(20)
        let answers = try EventLoop.run { [limits] in
            try await withClient(limits) { client in
                try await client.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
                return try await BufferedReader(client).readToEnd(limit: 1000)
            }
        }
        #expect(String(decoding: answers, as: UTF8.self).hasPrefix("HTTP/1.1 408 Request Timeout"))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a connection that is idle is closed without a word`() async throws {
        var limits = HTTPLimits()
        limits.idleTime = .milliseconds(500)
        let answers = try EventLoop.run { [limits] in
            try await withClient(limits) { client in
                try await client.write(Self.get)
                return try await BufferedReader(client).readToEnd(limit: 1000)
            }
        }
        #expect(String(decoding: answers, as: UTF8.self) == Self.hello)
    }

    /// Sends a text, and the end, and returns all that is answered.
    private func talk(_ text: String) throws -> String {
        let answers = try EventLoop.run {
            try await withClient { client in
                async let answers = BufferedReader(client).readToEnd(limit: 1_000_000)
                try await client.write(text)
                try await client.finishWriting()
                return try await answers
            }
        }
        return String(decoding: answers, as: UTF8.self)
    }
}

/// Runs `body` with a connection to a server that ends with it.
private func withClient(
    _ limits: HTTPLimits = .init(), _ body: @escaping @Sendable (TCPStream) async throws -> [UInt8]
) async throws -> [UInt8] {
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    let server = spawn { try await serveHTTP(on: listener, limits: limits) }
    let result = try await TCPStream.connect(to: listener.localAddress).withConnection(body)
    server.cancel()
    await #expect(throws: CancellationError.self) { try await server.value }
    return result
}
