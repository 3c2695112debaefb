/// An HTTP/1.1 server that says hello, over connections that stay, and may be pipelined.
///
/// What serves is in the library target HTTPHello; this is its command line.
///
///     swift run --package-path Examples -c release http-hello --port 8080
///
/// Then, in another terminal, `curl -i http://127.0.0.1:8080/`, or `wrk http://127.0.0.1:8080/`.
/// Port 0 takes a free port; the first line of output says which.

import ArgumentParser
import AsyncCore
import Glibc
import HTTPHello

@main
struct HTTPHelloProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http-hello",
        abstract: "Says hello over HTTP, until Ctrl-C or SIGTERM.")

    @Option(help: "The IPv4 or IPv6 address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 8080

    @Option(help: "How many connections at the same time; more wait.")
    var limit = 10_000

    @Option(help: "How many seconds a connection may be idle.")
    var idle = 60

    @Option(help: "How many seconds the head of a request may take.")
    var patience = 10

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if idle < 1 { throw ValidationError("--idle must be at least 1") }
        if patience < 1 { throw ValidationError("--patience must be at least 1") }
        _ = try address()
    }

    private func address() throws -> SocketAddress {
        do { return try SocketAddress(host, port: port) } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let address = try address()
        var limits = HTTPLimits()
        limits.connections = limit
        limits.idleTime = .seconds(idle)
        limits.headTime = .seconds(patience)
        var configuration = EventLoop.Configuration()
        configuration.interruptSignals = [.interrupt, .terminate]
        do {
            try EventLoop.run(configuration: configuration) { [limits] in
                let listener = try TCPListener.bind(to: address)
                print("listening on \(listener.localAddress)")
                fflush(nil)  // Whoever started us may read this through a pipe, and wait for it.
                try await serveHTTP(on: listener, limits: limits)
            }
        } catch EventLoopError.interrupted {}
    }
}
