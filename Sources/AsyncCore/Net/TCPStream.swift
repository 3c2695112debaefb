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

    /// Closes the connection at once, by a reset: drops what the kernel has and the peer has not
    /// acknowledged, and wakes those who read or write, with `.closed`.
    ///
    /// The peer's next read fails with `.connectionReset`, and may miss what it has not read yet. For
    /// a peer that breaks the rules, or to hold no port in TIME_WAIT. It works after
    /// ``SocketStream/finishWriting()``, too; after ``SocketStream/close()``, or a second time, it does
    /// nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task resets, too.
    public nonisolated(nonsending) func reset() async { await socket.reset() }

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
}
