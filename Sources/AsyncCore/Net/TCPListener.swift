// Accepting TCP connections.

/// A TCP socket that accepts connections; also the sequence of them.
///
/// ```swift
/// let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 8080))
/// for try await stream in listener {
///     spawn { try await stream.withConnection { stream in … } }
/// }
/// ```
/// The sequence ends when the listener is closed. When descriptors run out, accepting pauses for a
/// tenth of a second at a time, and recovers; the kernel keeps the connections' places. Connections
/// that fail before they are accepted are passed over.
///
/// ## Isolation
/// *One accepting task*: a second one meanwhile gets ``IOError`` with `.busy`.
public final class TCPListener: Sendable, AsyncSequence {
    /// An accepted connection.
    public typealias Element = TCPStream

    let acceptor: ConnectionAcceptor

    /// The address that it listens on, with the port that the kernel chose if 0 was asked for.
    public let localAddress: SocketAddress

    private init(_ socket: SocketCore, local: SocketAddress) {
        acceptor = ConnectionAcceptor(socket, address: local, description: "TCPListener.accept")
        localAddress = local
    }

    /// Listens on an address.
    ///
    /// It belongs to the loop that runs the caller.
    ///
    /// - Parameters:
    ///   - address: Where to listen; port 0 takes any free port.
    ///   - options: How it behaves, and the connections it accepts.
    /// - Returns: The listener.
    /// - Throws: ``IOError``: `.addressInUse`, `.permissionDenied`, `.addressNotAvailable`,
    ///   `.resourcesExhausted`; one that names an option that was refused;
    ///   ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func bind(
        to address: SocketAddress, options: Options = .init()
    ) throws -> TCPListener {
        let core = currentCore("TCPListener.bind")
        if core.isStopped { throw EventLoopError.stopped }
        let operation = "listen on \(address)"
        let calls = core.poller.systemCalls
        do {
            let descriptor = try Socket.open(address.socketFamily, calls)
            let local: SocketAddress
            do {
                try options.apply(descriptor, calls, listeningOn: address)
                try Socket.bind(descriptor, to: address, calls)
                try Socket.listen(descriptor, backlog: options.backlog, calls)
                local = try Socket.localAddress(descriptor, calls)
            } catch {
                Socket.close(descriptor, calls)
                throw error
            }
            return TCPListener(try SocketCore(descriptor, core: core), local: local)
        } catch let error as SystemError {
            throw IOError(error, operation: operation)
        }
    }

    /// Listens on an address, with the usual options.
    ///
    /// - Parameters:
    ///   - address: Where to listen; port 0 takes any free port.
    ///   - backlog: See ``Options/backlog``.
    /// - Returns: The listener.
    /// - Throws: As ``bind(to:options:)``.
    /// - Precondition: The caller runs on an event loop.
    public static func bind(to address: SocketAddress, backlog: Int) throws -> TCPListener {
        var options = Options()
        options.backlog = backlog
        return try bind(to: address, options: options)
    }

    /// Accepts the next connection, waiting until there is one.
    ///
    /// The connection belongs to the listener's loop, and has the options that the listener was
    /// given for it.
    ///
    /// ## Cancellation
    /// *No effect* on the listener: no connection is lost.
    ///
    /// - Returns: The connection.
    /// - Throws: ``IOError``: `.closed` (before or meanwhile), `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    public nonisolated(nonsending) func accept() async throws -> TCPStream {
        guard acceptor.socket.isHome(for: #isolation) else {
            return try await acceptor.socket.forward { try await self.accept() }
        }
        let (socket, peer) = try await acceptor.accept()
        // A peer that has reset the connection meanwhile makes this fail; its stream will tell.
        let local = (try? Socket.localAddress(socket.descriptor, socket.calls)) ?? localAddress
        return TCPStream(socket, local: local, peer: SocketAddress(raw: peer))
    }

    /// Closes the listener, and wakes the accepting task with `.closed`; connections that nobody
    /// has accepted are reset.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { await acceptor.socket.close() }

    /// What a listener has done.
    public typealias Statistics = ListenerStatistics

    /// What the listener has done.
    public var statistics: Statistics { acceptor.statistics }

    /// Goes through the connections.
    public func makeAsyncIterator() -> Iterator { Iterator(listener: self) }

    /// Goes through the connections of a listener.
    public struct Iterator: AsyncIteratorProtocol {
        let listener: TCPListener

        /// The next connection; nil once the listener is closed.
        ///
        /// - Throws: As ``TCPListener/accept()``, but for `.closed`.
        public mutating func next() async throws -> TCPStream? {
            do {
                return try await listener.accept()
            } catch let error as IOError where error.code == .closed {
                return nil
            }
        }
    }
}
