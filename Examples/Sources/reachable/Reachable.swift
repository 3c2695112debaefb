/// Says which of many endpoints can be connected to.
///
/// It shows thousands of connects of which a limited number run at the same time, each by name, with
/// a deadline of its own, over look-up and connect.
///
///     swift run --package-path Examples reachable example.org:443 localhost:22
///     swift run --package-path Examples reachable --limit 500 --timeout 2 < endpoints.txt
///
/// One line for each endpoint, in the order in which they were given. The exit status is 0 if all
/// could be reached, else 2.

import ArgumentParser
import AsyncCore

@main
struct Reachable: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects to each endpoint, and says whether that worked.",
        discussion: "Without arguments the endpoints are read from standard input, one a line.")

    @Option(help: "How many connects run at the same time.")
    var limit = 100

    @Option(help: "Seconds for each endpoint, look-up included.")
    var timeout = 5.0

    @Argument(help: "host:port; an IPv6 address in brackets.")
    var endpoints: [String] = []

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if !(timeout > 0 && timeout < 86_400) {
            throw ValidationError("--timeout must be more than 0, and less than a day")
        }
        for endpoint in endpoints { _ = try Endpoint(endpoint) }
    }

    func run() throws {
        let texts = endpoints.isEmpty ? lines() : endpoints
        let endpoints = try texts.map(Endpoint.init)
        let timeout = Duration.seconds(timeout)
        let answers = try EventLoop.run {
            // The limit is on the connects under way; the descriptors are their sockets.
            try await gather(endpoints, limit: limit) { try await $0.check(within: timeout) }
        }
        for (endpoint, answer) in zip(endpoints, answers) { print("\(endpoint.text)  \(answer)") }
        if answers.contains(where: { $0 != "reachable" }) { throw ExitCode(2) }
    }

    private func lines() -> [String] {
        var lines: [String] = []
        while let line = readLine() {
            let text = line.filter { !$0.isWhitespace }
            if !text.isEmpty { lines.append(text) }
        }
        return lines
    }
}

/// A host and a port.
struct Endpoint: Sendable {
    let text: String
    let host: String
    let port: Int

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        else { throw ValidationError("'\(text)' is not host:port") }
        self.text = text
        self.port = port
        let host = text[..<colon]
        self.host =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast())
            : String(host)
    }

    func check(within timeout: Duration) async throws -> String {
        do {
            let stream = try await TCPStream.connect(host: host, port: port, timeout: timeout)
            await stream.close()
            return "reachable"
        } catch is TimeoutError {
            return "no answer within \(timeout)"
        } catch let error as ConnectError {
            return "\(error.code.map { "\($0)" } ?? "\(error.failures[0].error)")"
        } catch let error as IOError {
            return "\(error.code)"
        }
    }
}
