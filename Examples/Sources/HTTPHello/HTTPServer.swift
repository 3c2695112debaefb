// A small HTTP/1.1 server: one page, over connections that stay and may be pipelined.
//
// There is no parser of HTTP/1 to be had that is not bound to a network library, so this one has its
// own, small and strict. What it shows is how a protocol is served fast: requests are parsed where they
// were read, answers are bytes made beforehand, and all answers that are due go out in one write.

import AsyncCore

/// How patient a server is, and what it takes.
public struct HTTPLimits: Sendable {
    /// How long the head of a request may take, from when a part of it is there.
    public var headTime = Duration.seconds(10)
    /// How long its body may take.
    public var bodyTime = Duration.seconds(60)
    /// How long a connection may be idle: no byte in or out.
    public var idleTime = Duration.seconds(60)
    /// How many bytes a body may have.
    public var bodySize = 1 << 20
    /// How many connections there are at the same time; more wait.
    public var connections = 10_000

    public init() {}
}

/// Serves the page to the connections of `listener`, until the task is cancelled.
///
/// - Precondition: The caller runs on an event loop.
public func serveHTTP(on listener: TCPListener, limits: HTTPLimits = .init()) async throws {
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = limits.connections
    configuration.idleTimeout = limits.idleTime
    let server = TCPServer(listener, configuration: configuration)
    try await server.serve { stream in
        var connection = HTTPConnection(stream, limits)
        try await connection.serve()
    }
}
