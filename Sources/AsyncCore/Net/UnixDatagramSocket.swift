// Datagrams between processes of one machine.

/// A Unix socket for datagrams: bound to a name, connected to a peer, both or neither.
///
/// ```swift fragment
/// let socket = try UnixDatagramSocket.bind(to: .path("/run/log.sock"))
/// while true {
///     let entry = try await socket.receive()
///     write(entry.bytes)
/// }
/// ```
/// None is lost, and they arrive in order: whoever sends waits while the receiver's queue is full.
/// One arrives whole, or cut to the room there is, which ``Datagram/isTruncated`` tells. An empty one
/// is a datagram like any other. Descriptors that somebody sends along are closed by the kernel.
///
/// The path is removed when the socket is closed, or nobody holds it any more, if it still is the one
/// that it made. Whoever may write to the file may send.
///
/// ## Isolation
/// *Any task*; belongs to the loop on which it was made, and calls from elsewhere are forwarded. One
/// task may receive and one may send at a time.
public final class UnixDatagramSocket: Sendable {
    let socket: SocketCore
    private let file: BoundFile

    /// The socket's own address; unnamed if it has none, so that nobody can send to it.
    public let localAddress: UnixAddress

    /// The only peer, of a connected socket; unnamed for an end of a pair.
    public let peerAddress: UnixAddress?

    private init(
        _ socket: SocketCore, local: UnixAddress, peer: UnixAddress?, file: SocketFile? = nil
    ) {
        self.socket = socket
        self.file = BoundFile(file, local, socket.calls)
        localAddress = local
        peerAddress = peer
    }

    deinit { file.remove() }

    /// How a socket behaves.
    public struct Options: Sendable {
        /// What to do with a socket file that is at the path already.
        public var existing: ExistingSocket = .refuse
        /// Whether the path is removed when the socket is closed, or nobody holds it any more.
        public var unlinksOnClose = true
        /// The socket file's permissions, such as `0o660`, whatever the umask; nil leaves them to it.
        ///
        /// At no moment does the file allow more. Of no meaning without a path.
        public var permissions: UInt32?
        /// Bytes that may be on their way from this socket, each datagram with some more for the
        /// kernel; nil for its default.
        ///
        /// The largest datagram is a little smaller than twice this.
        public var sendBufferSize: Int?

        /// The usual.
        public init() {}
    }

    // MARK: - Making one

    /// A socket that receives what is sent to a name.
    ///
    /// - Parameters:
    ///   - address: The path or abstract name; `.unnamed` takes an abstract name that is free, which
    ///     ``localAddress`` then tells.
    ///   - options: How it behaves.
    /// - Returns: The socket.
    /// - Throws: ``IOError``: `.addressInUse`, `.invalidAddress`, `.notFound` if the folder does
    ///   not exist, `.permissionDenied`, `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop; permissions are at most `0o777`.
    public static func bind(
        to address: UnixAddress, options: Options = .init()
    ) throws -> UnixDatagramSocket {
        try make(address, peer: nil, options, "bind to \(address)")
    }

    /// A socket that exchanges datagrams with one peer alone.
    ///
    /// Nothing is sent. The peer can answer only if this socket has an address of its own. When the
    /// peer has closed its socket, the next send says `.connectionRefused`, and so does each one after
    /// it.
    ///
    /// - Parameters:
    ///   - peer: The peer.
    ///   - local: Its own address; `.unnamed` takes an abstract name that is free; nil for none.
    ///   - options: How it behaves.
    /// - Returns: The socket.
    /// - Throws: ``IOError``: `.notFound` if there is no such path, `.connectionRefused` if nobody
    ///   receives there, `.permissionDenied`, also if the peer is connected to somebody else, and as
    ///   ``bind(to:options:)``.
    /// - Precondition: As for ``bind(to:options:)``.
    public static func connect(
        to peer: UnixAddress, from local: UnixAddress? = nil, options: Options = .init()
    ) throws -> UnixDatagramSocket {
        try make(local, peer: peer, options, "connect to \(peer)")
    }

    /// A socket that only sends: it has no name that somebody could answer to.
    ///
    /// - Parameter options: How it behaves.
    /// - Returns: The socket.
    /// - Throws: ``IOError`` with `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func unbound(options: Options = .init()) throws -> UnixDatagramSocket {
        try make(nil, peer: nil, options, "make a Unix socket")
    }

    /// Two sockets that are connected with each other: socketpair(2).
    ///
    /// Both belong to the loop that runs the caller.
    ///
    /// - Returns: The two ends, which are alike.
    /// - Throws: ``IOError`` with `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func pair() throws -> (UnixDatagramSocket, UnixDatagramSocket) {
        let core = currentCore("UnixDatagramSocket.pair")
        if core.isStopped { throw EventLoopError.stopped }
        do throws(SystemError) {
            let ends = try DatagramCalls.makePair(core.poller.systemCalls)
            let (first, second) = try SocketCore.pair(ends, core: core, isUnixStream: false)
            return (
                UnixDatagramSocket(first, local: .unnamed, peer: .unnamed),
                UnixDatagramSocket(second, local: .unnamed, peer: .unnamed)
            )
        } catch {
            throw IOError(error, operation: "make a pair of Unix sockets")
        }
    }

    private static func make(
        _ local: UnixAddress?, peer: UnixAddress?, _ options: Options, _ operation: String
    ) throws -> UnixDatagramSocket {
        precondition(options.permissions ?? 0 <= 0o777, "permissions that are more than 0o777")
        let core = currentCore("UnixDatagramSocket")
        if core.isStopped { throw EventLoopError.stopped }
        let target = try peer?.raw(for: "connect to")
        let name = try local.map {
            $0.kind == .unnamed ? UnixAddress.anyName : try $0.raw(for: "bind to")
        }
        let binding = UnixBinding(
            address: local ?? .unnamed, existing: options.existing,
            permissions: options.permissions, openProbe: open)
        let calls = core.poller.systemCalls
        var file: SocketFile?
        do throws(SystemError) {
            let descriptor = try open(calls)
            var address = UnixAddress.unnamed
            do throws(SystemError) {
                if let size = options.sendBufferSize {
                    try Socket.set(.sendBuffer, size, descriptor, calls)
                }
                if let name {
                    file = try binding.bind(descriptor, to: name, calls)
                    address = UnixAddress(raw: try Socket.rawLocalAddress(descriptor, calls))
                }
                if let target { _ = try Socket.connect(descriptor, to: target, calls) }
            } catch {
                try? file?.remove(binding.address, calls)
                file = nil
                Socket.close(descriptor, calls)
                throw error
            }
            return UnixDatagramSocket(
                try SocketCore(descriptor, core: core), local: address, peer: peer,
                file: options.unlinksOnClose ? file : nil)
        } catch {
            try? file?.remove(binding.address, calls)
            throw IOError(error, operation: operation, detail: binding.hint(error, calls))
        }
    }

    private static func open(_ calls: SystemCalls) throws(SystemError) -> CInt {
        try DatagramCalls.open(UnixAddress.socketFamily, calls)
    }

    // MARK: - Receiving

    /// The most bytes that a datagram has as a rule: the kernel's usual limit for a sender.
    public static let usualRoom = 212_992

    /// Receives a datagram, waiting until there is one.
    ///
    /// ## Cancellation
    /// *No effect*: no datagram is lost.
    ///
    /// - Parameter room: How many of its bytes to take at most, and no more than 4 MiB; the rest is
    ///   lost, which ``Datagram/isTruncated`` tells.
    /// - Returns: The datagram, and who sent it: `.unnamed` for a sender without a name.
    /// - Throws: ``IOError``: `.closed` before or meanwhile, `.busy`; `.connectionReset`, once, if the
    ///   peer of a connected socket has turned to another; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    /// - Precondition: `room` is not negative.
    public nonisolated(nonsending) func receive(
        room: Int = UnixDatagramSocket.usualRoom
    ) async throws -> Datagram<UnixAddress> {
        let datagrams = try await receive(batch: 1, room: room)
        return datagrams[0]
    }

    /// Receives the datagrams that are there, waiting until there is one, by one system call.
    ///
    /// ## Cancellation
    /// *No effect*: no datagram is lost.
    ///
    /// - Parameters:
    ///   - count: How many at most; no more than 64 come at a time, and fewer if `room` is more than
    ///     65,536.
    ///   - room: How many bytes of each to take at most.
    /// - Returns: The datagrams in the order of arrival, at least 1.
    /// - Throws: As ``receive(room:)``.
    /// - Precondition: `count` is at least 1, and `room` not negative.
    public nonisolated(nonsending) func receive(
        batch count: Int, room: Int = UnixDatagramSocket.usualRoom
    ) async throws -> [Datagram<UnixAddress>] {
        precondition(count >= 1, "a batch of \(count) datagrams")
        precondition(room >= 0, "room for \(room) bytes")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.receive(batch: count, room: room) }
        }
        var datagrams: [Datagram<UnixAddress>]?
        try await socket.receive("receive on \(localAddress)", "UnixDatagramSocket.receive") {
            () throws(SystemError) in
            datagrams = try socket.receiveDatagrams(count, room)
            return datagrams != nil
        }
        return datagrams ?? []
    }

    // MARK: - Sending

    /// Sends a datagram, waiting while the receiver's queue is full.
    ///
    /// ## Cancellation
    /// The datagram was sent, or it was not.
    ///
    /// - Parameters:
    ///   - bytes: What it carries; may be empty.
    ///   - address: Where to. A connected socket sends to its peer alone.
    /// - Throws: ``IOError``: `.notFound` if there is no such path, `.connectionRefused` if nobody
    ///   receives there, `.permissionDenied`, also if the receiver is connected to somebody else,
    ///   `.messageTooLong`, `.invalidAddress`, `.closed`, `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    /// - Precondition: The socket is not connected.
    public nonisolated(nonsending) func send(
        _ bytes: [UInt8], to address: UnixAddress
    ) async throws {
        precondition(peerAddress == nil, "a connected socket sends to its peer alone")
        try await sendOne(Datagram(bytes, to: address))
    }

    /// Sends a datagram to the peer of a connected socket, waiting while its queue is full.
    ///
    /// ## Cancellation
    /// The datagram was sent, or it was not.
    ///
    /// - Parameter bytes: What it carries; may be empty.
    /// - Throws: As ``send(_:to:)``; `.connectionRefused` from when the peer has closed its socket.
    /// - Precondition: The socket is connected.
    public nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws {
        guard let peerAddress else {
            preconditionFailure("a socket that is not connected must be told where to send")
        }
        try await sendOne(Datagram(bytes, to: peerAddress))
    }

    private nonisolated(nonsending) func sendOne(_ datagram: Datagram<UnixAddress>) async throws {
        let outcome = try await send(batch: [datagram])
        if let failure = outcome.failures.first { throw failure.error }
    }

    /// What became of a batch.
    public typealias BatchOutcome = DatagramBatchOutcome

    /// Sends datagrams in order, with as few system calls as can be, waiting whenever a receiver's
    /// queue is full.
    ///
    /// One that cannot be sent does not keep back those after it; one that has to wait does.
    ///
    /// ## Cancellation
    /// *Partial*: those before were sent.
    ///
    /// - Parameter datagrams: What to send, and where to; a connected socket sends to its peer.
    /// - Returns: How many were sent, and what the others failed with.
    /// - Throws: ``IOError``: `.closed`, `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    @discardableResult
    public nonisolated(nonsending) func send(
        batch datagrams: [Datagram<UnixAddress>]
    ) async throws -> BatchOutcome {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.send(batch: datagrams) }
        }
        let isConnected = peerAddress != nil
        // Whether the receiver has room, the kernel tells a connected socket alone.
        return try await socket.send(
            datagrams.count, "send from \(localAddress)", "UnixDatagramSocket.send",
            looksAgain: !isConnected
        ) { index throws(IOError) in
            var rest = datagrams[index...]
            if !isConnected {
                _ = try rest[index].address.raw(for: "send to")
                rest = rest.prefix(DatagramCalls.maximum).prefix { $0.address.canBeUsed }
            }
            return try socket.sendDatagrams(rest, isConnected: isConnected)
        }
    }

    // MARK: - The end

    /// Closes the socket, and wakes those who receive or send, with `.closed`; removes its path, if
    /// that still is the one that it made.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    public nonisolated(nonsending) func close() async {
        file.remove()
        await socket.close()
    }

    /// Why ``close()`` has left the path behind; nil if it has not, or there was none to remove.
    public var removalError: IOError? { file.removalError }

    /// Bytes received so far.
    public var bytesReceived: UInt64 { socket.bytesRead.value }

    /// Bytes that the kernel has taken so far.
    public var bytesSent: UInt64 { socket.bytesWritten.value }
}
