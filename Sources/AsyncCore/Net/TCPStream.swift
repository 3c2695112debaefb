// A TCP connection as a stream of bytes.

/// A TCP connection.
///
/// It belongs to the loop that made it; calls from elsewhere are forwarded, and cost two thread
/// hops. A stream that nobody holds any more is closed; `close()` does so at once. An idle stream
/// holds no buffer.
///
/// ## Isolation
/// *One reader and one writer*: a second task that reads, or writes, meanwhile gets ``IOError``
/// with `.busy`.
public final class TCPStream: SocketStream, @unchecked Sendable {
    // SAFETY: as for SocketStream; what is added never changes.

    /// The address of this end.
    public let localAddress: SocketAddress

    /// The address of the other end.
    public let peerAddress: SocketAddress

    init(_ socket: SocketCore, local: SocketAddress, peer: SocketAddress) {
        localAddress = local
        peerAddress = peer
        super.init(socket, .tcp)
    }

    override var peerName: String { "\(peerAddress)" }

    /// Runs `body` with this connection, and closes it at the end, however the body ends.
    ///
    /// One cancellation handler serves all waits of the body, which makes each wait cheaper.
    ///
    /// ## Cancellation
    /// The body sees it; the connection is closed all the same.
    ///
    /// - Throws: What `body` throws.
    public nonisolated(nonsending) func withConnection<R>(
        _ body: nonisolated(nonsending) (TCPStream) async throws -> R
    ) async throws -> R {
        do {
            let value = try await socket.core.withStandingHandler { try await body(self) }
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }
}
