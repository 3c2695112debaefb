// Accepting Unix connections.

/// A Unix socket that accepts connections; also the sequence of them.
///
/// ```swift fragment
/// let listener = try UnixListener.bind(to: .path("/run/server.sock"), existing: .replaceIfStale)
/// for try await stream in listener {
///     spawn { try await stream.withConnection { stream in … } }
/// }
/// ```
/// The sequence ends when the listener is closed. The path is removed then, if it still is the one
/// that this listener made. Whoever may write to the file may connect: who that is, the permissions say
/// that it is bound with, or else the process's umask.
///
/// ## Isolation
/// *One accepting task*: a second one meanwhile gets ``IOError`` with `.busy`.
public final class UnixListener: Sendable, AsyncSequence {
    /// An accepted connection.
    public typealias Element = UnixStream

    private let acceptor: ConnectionAcceptor
    private let file: BoundFile

    /// The address that it listens on.
    public let localAddress: UnixAddress

    private init(_ socket: SocketCore, local: UnixAddress, file: BoundFile) {
        acceptor = ConnectionAcceptor(
            socket, address: local, description: "UnixListener.accept", acceptsUnixStreams: true)
        self.file = file
        localAddress = local
    }

    deinit { file.remove() }

    /// Listens on a path or an abstract name.
    ///
    /// It belongs to the loop that runs the caller.
    ///
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - backlog: How many connections the kernel keeps until they are accepted (it caps the
    ///     number by net.core.somaxconn).
    ///   - existing: What to do with a socket file that is at the path already.
    ///   - unlinksOnClose: Whether the path is removed when the listener is closed, or nobody holds
    ///     it any more.
    ///   - permissions: The socket file's permissions, such as `0o660`, whatever the umask; nil leaves
    ///     them to it. At no moment does the file allow more. Of no meaning for an abstract name.
    /// - Returns: The listener.
    /// - Throws: ``IOError``: `.addressInUse`, `.invalidAddress`, `.notFound` if the folder does
    ///   not exist, `.permissionDenied`, `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop; `permissions` are at most `0o777`.
    public static func bind(
        to address: UnixAddress, backlog: Int = 1_024, existing: ExistingSocket = .refuse,
        unlinksOnClose: Bool = true, permissions: UInt32? = nil
    ) throws -> UnixListener {
        precondition(permissions ?? 0 <= 0o777, "permissions that are more than 0o777")
        let core = currentCore("UnixListener.bind")
        if core.isStopped { throw EventLoopError.stopped }
        let raw = try address.raw(for: "listen on")
        let calls = core.poller.systemCalls
        let binding = UnixBinding(address: address, existing: existing, permissions: permissions) {
            (calls) throws(SystemError) in try Socket.open(UnixAddress.socketFamily, calls)
        }
        do throws(SystemError) {
            let descriptor = try Socket.open(UnixAddress.socketFamily, calls)
            var file: SocketFile?
            do throws(SystemError) {
                file = try binding.bind(descriptor, to: raw, calls)
                try Socket.listen(descriptor, backlog: backlog, calls)
            } catch {
                try? file?.remove(address, calls)
                Socket.close(descriptor, calls)
                throw error
            }
            let socket: SocketCore
            do throws(SystemError) {
                socket = try SocketCore(descriptor, core: core)
            } catch {
                try? file?.remove(address, calls)
                throw error
            }
            return UnixListener(
                socket, local: address,
                file: BoundFile(unlinksOnClose ? file : nil, address, calls))
        } catch {
            throw IOError(
                error, operation: "listen on \(address)", detail: binding.hint(error, calls))
        }
    }

    /// Accepts the next connection, waiting until there is one.
    ///
    /// The connection belongs to the listener's loop.
    ///
    /// ## Cancellation
    /// *No effect* on the listener: no connection is lost.
    ///
    /// - Returns: The connection.
    /// - Throws: ``IOError``: `.closed` (before or meanwhile), `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    public nonisolated(nonsending) func accept() async throws -> UnixStream {
        guard acceptor.socket.isHome(for: #isolation) else {
            return try await acceptor.socket.forward { try await self.accept() }
        }
        let (socket, peer) = try await acceptor.accept()
        return UnixStream(socket, local: localAddress, peer: UnixAddress(raw: peer))
    }

    /// Closes the listener, and wakes the accepting task with `.closed`; connections that nobody
    /// has accepted are ended.
    ///
    /// The path is removed, if it still is the one that this listener made. A second call does
    /// nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async {
        file.remove()
        await acceptor.socket.close()
    }

    /// Why ``close()`` has left the path behind; nil if it has not, or there was none to remove.
    public var removalError: IOError? { file.removalError }

    /// What a listener has done.
    public typealias Statistics = ListenerStatistics

    /// What the listener has done.
    public var statistics: Statistics { acceptor.statistics }

    /// Goes through the connections.
    public func makeAsyncIterator() -> Iterator { Iterator(listener: self) }

    /// Goes through the connections of a listener.
    public struct Iterator: AsyncIteratorProtocol {
        let listener: UnixListener

        /// The next connection; nil once the listener is closed.
        ///
        /// - Throws: As ``UnixListener/accept()``, but for `.closed`.
        public mutating func next() async throws -> UnixStream? {
            do {
                return try await listener.accept()
            } catch let error as IOError where error.code == .closed {
                return nil
            }
        }
    }
}
