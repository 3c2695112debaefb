// Connecting to a listener.

extension TCPStream {
    /// Connects to an address.
    ///
    /// The connection belongs to the loop that runs the caller. Bound the time with
    /// `withTimeout`.
    ///
    /// ## Cancellation
    /// Gives the connection up and closes its socket.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - options: How the connection behaves.
    /// - Returns: The connection.
    /// - Throws: ``IOError``: `.connectionRefused`, `.unreachable`, `.timedOut`,
    ///   `.addressNotAvailable` or `.addressInUse` for the local address, `.resourcesExhausted`,
    ///   `.selfConnection`; one that names an option that was refused; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) static func connect(
        to address: SocketAddress, options: Options = .init()
    ) async throws -> TCPStream {
        let core = currentCore("TCPStream.connect", in: #isolation)
        guard core.isCurrent(for: #isolation) else {
            return try await core.forward { try await connect(to: address, options: options) }
        }
        try core.checkOperation()
        let operation = "connect to \(address)"
        do {
            return try await connect(to: address, options, core, operation)
        } catch let error as SystemError {
            throw IOError(error, operation: operation)
        }
    }

    /// Connects, runs `body` with the connection, and closes it at the end, however the body ends.
    ///
    /// ## Cancellation
    /// Gives the connection up, or reaches the body; the connection is closed all the same.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - options: How the connection behaves.
    ///   - body: What to do with the connection.
    /// - Returns: The body's value.
    /// - Throws: What ``connect(to:options:)`` and `body` throw.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) static func withConnection<R>(
        to address: SocketAddress, options: Options = .init(),
        _ body: nonisolated(nonsending) (TCPStream) async throws -> R
    ) async throws -> R {
        try await connect(to: address, options: options).withConnection(body)
    }

    private nonisolated(nonsending) static func connect(
        to address: SocketAddress, _ options: Options, _ core: LoopCore, _ operation: String
    ) async throws -> TCPStream {
        let socket = try await SocketCore.connect(
            to: address.raw, family: address.socketFamily, core, "TCPStream.connect"
        ) { descriptor, calls in
            try options.apply(descriptor, calls, connectingTo: address)
        }
        do {
            let descriptor = socket.descriptor
            let calls = socket.calls
            let local = try Socket.localAddress(descriptor, calls)
            if local == address {
                // A port in the ephemeral range, with nobody listening: TCP lets the two ends be
                // one socket.
                throw IOError(
                    .selfConnection, operation: operation, detail: "nobody listens on that port")
            }
            return TCPStream(socket, local: local, peer: address)
        } catch {
            socket.watch.close()
            throw error
        }
    }
}
