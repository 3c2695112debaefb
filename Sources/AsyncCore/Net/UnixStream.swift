// A Unix connection as a stream of bytes.

/// A connection between processes of one machine, through a Unix socket.
///
/// It belongs to the loop that made it; calls from elsewhere are forwarded, and cost two thread
/// hops. A stream that nobody holds any more is closed; `close()` does so at once. An idle stream
/// holds no buffer.
///
/// ## Isolation
/// *One reader and one writer*: a second task that reads, or writes, meanwhile gets ``IOError``
/// with `.busy`.
public final class UnixStream: SocketStream, @unchecked Sendable {
    // SAFETY: as for SocketStream; what is added is immutable.

    /// The address of this end; unnamed for a client, and for both ends of a pair.
    public let localAddress: UnixAddress

    /// The address of the other end; unnamed as a rule if that is a client.
    public let peerAddress: UnixAddress

    init(_ socket: SocketCore, local: UnixAddress, peer: UnixAddress) {
        localAddress = local
        peerAddress = peer
        super.init(socket, .unix)
    }

    override var peerName: String {
        if peerAddress.kind != .unnamed { return "\(peerAddress)" }
        return localAddress.kind == .unnamed ? "a Unix socket" : "a client of \(localAddress)"
    }

    /// Connects to a listener.
    ///
    /// The connection belongs to the loop that runs the caller. While the listener's backlog is
    /// full, it is tried again; bound the time with `withTimeout`.
    ///
    /// ## Cancellation
    /// Gives the connection up and closes its socket.
    ///
    /// - Parameter address: Where to.
    /// - Returns: The connection.
    /// - Throws: ``IOError``: `.notFound` if there is no such path, `.connectionRefused` if nobody
    ///   listens there, `.permissionDenied`, `.invalidAddress`, `.resourcesExhausted`;
    ///   ``EventLoopError/stopped``; `CancellationError`.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) static func connect(to address: UnixAddress) async throws
        -> UnixStream
    {
        let core = currentCore("UnixStream.connect", in: #isolation)
        guard core.isCurrent(for: #isolation) else {
            return try await core.forward { try await connect(to: address) }
        }
        try core.checkOperation()
        let raw = try address.raw(for: "connect to")
        do {
            let socket = try await SocketCore.connect(
                to: raw, family: UnixAddress.socketFamily, retriesWhenFull: true, core,
                "UnixStream.connect")
            return UnixStream(socket, local: .unnamed, peer: address)
        } catch let error as SystemError {
            throw IOError(error, operation: "connect to \(address)")
        }
    }

    /// Connects, runs `body` with the connection, and closes it at the end, however the body ends.
    ///
    /// ## Cancellation
    /// Gives the connection up, or reaches the body; the connection is closed all the same.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - body: What to do with the connection.
    /// - Returns: The body's value.
    /// - Throws: What ``connect(to:)`` and `body` throw.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) static func withConnection<R>(
        to address: UnixAddress, _ body: nonisolated(nonsending) (UnixStream) async throws -> R
    ) async throws -> R {
        try await connect(to: address).withConnection(body)
    }

    /// Two streams that are connected with each other: socketpair(2).
    ///
    /// Both belong to the loop that runs the caller. Between tasks of one process a
    /// ``MemoryStream`` does the same without descriptors.
    ///
    /// - Returns: The two ends, which are alike.
    /// - Throws: ``IOError`` with `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func pair() throws -> (UnixStream, UnixStream) {
        let core = currentCore("UnixStream.pair")
        if core.isStopped { throw EventLoopError.stopped }
        do throws(SystemError) {
            let ends = try Socket.makePair(core.poller.systemCalls)
            let (first, second) = try SocketCore.pair(ends, core: core, isUnixStream: true)
            return (
                UnixStream(first, local: .unnamed, peer: .unnamed),
                UnixStream(second, local: .unnamed, peer: .unnamed)
            )
        } catch {
            throw IOError(error, operation: "make a pair of Unix sockets")
        }
    }

    /// Runs `body` with this connection, and closes it at the end, however the body ends.
    ///
    /// One cancellation handler serves all waits of the body, which makes each wait cheaper.
    ///
    /// ## Cancellation
    /// The body sees it; the connection is closed all the same.
    ///
    /// - Throws: What `body` throws.
    public nonisolated(nonsending) func withConnection<R>(
        _ body: nonisolated(nonsending) (UnixStream) async throws -> R
    ) async throws -> R {
        let waiter = socket.core.addStandingHandler(#isolation)
        defer { socket.core.removeStandingHandler(waiter) }
        do {
            let value = try await body(self)
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }

    /// Who is at the other end, as the kernel noted it when the connection was made.
    ///
    /// For a client that is whoever called `listen`; for a server whoever called `connect`.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*, but for the way to the stream's loop.
    ///
    /// - Returns: The process and its user and group.
    /// - Throws: ``IOError`` with `.closed`, or what getsockopt(2) says.
    public nonisolated(nonsending) func peerCredentials() async throws -> UnixCredentials {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.peerCredentials() }
        }
        let operation = "ask who is at the other end of \(peerName)"
        guard socket.isOpen else { throw IOError(.closed, operation: operation) }
        do {
            return try Socket.peerCredentials(socket.descriptor, socket.calls)
        } catch {
            throw IOError(error, operation: operation)
        }
    }
}
