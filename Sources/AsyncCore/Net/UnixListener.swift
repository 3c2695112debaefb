// Accepting Unix connections.
internal import Synchronization

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

    /// What to do with a socket file that is at the path already.
    public enum ExistingSocket: Sendable {
        /// Refuse: ``IOError`` with `.addressInUse`.
        case refuse
        /// Replace it if nobody listens on it: what a server that was killed has left behind.
        ///
        /// Whether somebody does is tried by connecting to it. Two servers that start at the same
        /// moment can both find it stale, and the later one replace the earlier: where that can be,
        /// let a lock decide. A file of another kind is never removed.
        case replaceIfStale
    }

    private let acceptor: ConnectionAcceptor
    private let removal = Mutex<IOError?>(nil)
    /// The file to remove at the end; nil if there is none, or it is to stay.
    private let file: SocketFile?
    private let hasRemovedFile = Atomic(false)

    /// The address that it listens on.
    public let localAddress: UnixAddress

    private init(_ socket: SocketCore, local: UnixAddress, file: SocketFile?) {
        acceptor = ConnectionAcceptor(
            socket, address: local, description: "UnixListener.accept", acceptsUnixStreams: true)
        self.file = file
        localAddress = local
    }

    deinit { removeFile() }

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
        do throws(SystemError) {
            let descriptor = try Socket.open(UnixAddress.socketFamily, calls)
            var file: SocketFile?
            do throws(SystemError) {
                let permissions = address.kind == .path ? permissions : nil
                // The file is made with these; the umask is all of the process's to change.
                if let permissions {
                    try SocketFile.prepare(descriptor, permissions: permissions, calls)
                }
                try bind(descriptor, address, raw, existing, calls)
                if address.kind == .path { file = try SocketFile.find(address, calls) }
                // What the umask took away.
                if let permissions { try SocketFile.setPermissions(permissions, address, calls) }
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
            return UnixListener(socket, local: address, file: unlinksOnClose ? file : nil)
        } catch {
            throw IOError(
                error, operation: "listen on \(address)",
                detail: error.code == .addressInUse
                    ? hint(address, existing, calls) : nil)
        }
    }

    private static func bind(
        _ descriptor: CInt, _ address: UnixAddress, _ raw: RawAddress, _ existing: ExistingSocket,
        _ calls: SystemCalls
    ) throws(SystemError) {
        do throws(SystemError) {
            return try Socket.bind(descriptor, to: raw, calls)
        } catch {
            guard error.code == .addressInUse, existing == .replaceIfStale, address.kind == .path
            else { throw error }
            let file = try SocketFile.find(address, calls)
            if let file {
                guard file.isSocket, try isStale(raw, calls) else { throw error }
                try file.remove(address, calls)
            }
        }
        try Socket.bind(descriptor, to: raw, calls)
    }

    /// Whether nobody listens there: a connection is refused.
    private static func isStale(
        _ address: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) -> Bool {
        let probe = try Socket.open(UnixAddress.socketFamily, calls)
        defer { Socket.close(probe, calls) }
        do throws(SystemError) {
            _ = try Socket.connect(probe, to: address, calls)
            return false
        } catch {
            return error.code == .connectionRefused
        }
    }

    /// What the user can do about a path that is taken.
    private static func hint(
        _ address: UnixAddress, _ existing: ExistingSocket, _ calls: SystemCalls
    ) -> String? {
        guard address.kind == .path, let file = try? SocketFile.find(address, calls) else {
            return nil
        }
        if !file.isSocket { return "a file that is no socket is there" }
        return existing == .refuse
            ? "a socket is there; if no process listens on it, bind with existing: .replaceIfStale"
            : "a process listens there"
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
        // First the path: as long as the socket is open, nobody else's file looks like ours.
        removeFile()
        await acceptor.socket.close()
    }

    private func removeFile() {
        guard let file, !hasRemovedFile.exchange(true, ordering: .relaxed) else { return }
        do throws(SystemError) {
            try file.remove(localAddress, acceptor.socket.calls)
        } catch {
            // A folder that is not ours any more is no reason not to close.
            let error = IOError(error, operation: "remove \(localAddress)")
            removal.withLock { $0 = error }
        }
    }

    /// Why ``close()`` has left the path behind; nil if it has not, or there was none to remove.
    public var removalError: IOError? { removal.withLock { $0 } }

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
