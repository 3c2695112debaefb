/// Passes connections on to another server, byte by byte.
///
/// It shows a server with limits and an orderly end, connecting by name, and copying in both
/// directions with half-closes and back pressure passed on. Bulk stays in the kernel.
///
///     swift run --package-path Examples tcp-proxy --port 6380 --target localhost:6379
///
/// Then `redis-cli -p 6380 ping`, say. Port 0 takes a free port; the first line of output says which.

import ArgumentParser
import AsyncCore
import Glibc

@main
struct TCPProxy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tcp-proxy",
        abstract: "Passes connections on to a target, until Ctrl-C or SIGTERM.")

    @Option(help: "The IPv4 or IPv6 address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 6380

    @Option(help: "Where to: host:port; an IPv6 address in brackets.")
    var target: String

    @Option(help: "How many connections at the same time; more wait.")
    var limit = 1000

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        _ = try (address(), Target(target))
    }

    private func address() throws -> SocketAddress {
        do { return try SocketAddress(host, port: port) } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let (address, target, limit) = (try address(), try Target(target), limit)
        var configuration = EventLoop.Configuration()
        configuration.interruptSignals = [.interrupt, .terminate]
        do {
            try EventLoop.run(configuration: configuration) {
                try await serve(on: address, target, limit)
            }
        } catch EventLoopError.interrupted {}
    }
}

/// A host and a port.
struct Target: Sendable {
    let host: String
    let port: Int

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        else { throw ValidationError("'\(text)' is not host:port") }
        let host = text[..<colon]
        self.host =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast())
            : String(host)
        self.port = port
    }
}

func serve(on address: SocketAddress, _ target: Target, _ limit: Int) async throws {
    let listener = try TCPListener.bind(to: address)
    print("listening on \(listener.localAddress)")
    fflush(nil)  // Whoever started us may read this through a pipe, and wait for it.
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = limit
    let server = TCPServer(listener, configuration: configuration)
    try await server.serve { client in
        let upstream = try await TCPStream.connect(
            host: target.host, port: target.port, timeout: .seconds(10))
        try await upstream.withConnection { upstream in
            _ = try await spliceBidirectional(client, upstream)
        }
    }
}
