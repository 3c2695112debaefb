// UDP: datagrams, in no order and without promises.

/// A UDP socket, connected to a peer or not.
///
/// ```swift
/// let socket = try UDPSocket.bind(to: .loopback(port: 5353))
/// while true {
///     let question = try await socket.receive()
///     try await socket.send(answer(question.bytes), to: question.address)
/// }
/// ```
///
/// A datagram arrives whole, or cut to the room there is, which ``Datagram/isTruncated`` tells, or not
/// at all. An empty one is a datagram like any other.
///
/// ## Isolation
/// *Any task*; belongs to the loop on which it was made, and calls from elsewhere are forwarded. One
/// task may receive and one may send at a time.
public final class UDPSocket: Sendable {
    let socket: SocketCore

    /// The socket's own address; its port is the one that the system chose, for a port of 0.
    public let localAddress: SocketAddress

    /// The only peer, of a connected socket.
    public let peerAddress: SocketAddress?

    /// What is known between two calls that receive; nil if no option asks for it.
    private let intake: DatagramIntake?

    private init(
        _ socket: SocketCore, local: SocketAddress, peer: SocketAddress?, intake: DatagramIntake?
    ) {
        self.socket = socket
        self.intake = intake
        localAddress = local
        peerAddress = peer
    }

    /// How a socket behaves.
    public struct Options: Sendable {
        /// Whether several sockets may be bound to one multicast port.
        public var reusesAddress = false
        /// Whether several sockets may be bound to one port, which share what arrives.
        public var reusesPort = false
        /// Whether broadcast addresses may be sent to.
        public var allowsBroadcast = false
        /// Whether what is sent to a group comes back to members on this machine.
        public var multicastLoopback = true
        /// How far datagrams to a group go: 1 is the local network.
        public var multicastHops = 1
        /// Bytes that the kernel keeps until they are received; nil for its default.
        public var receiveBufferSize: Int?
        /// Bytes that the kernel keeps until they are sent; nil for its default.
        public var sendBufferSize: Int?
        /// Whether the kernel may join datagrams of one sender on their way in, which saves most of the
        /// time that many of them take; they are received one by one all the same.
        ///
        /// What came along and was not asked for is kept for the next call: up to 1 MiB of bytes, as
        /// long as the socket exists. Joined datagrams find room in the kernel's buffer together, or are
        /// dropped together. Of no effect before Linux 5.0.
        public var coalescesReceived = false
        /// Whether ``UDPSocket/datagramsDropped`` counts.
        public var countsDrops = false

        /// The usual.
        public init() {}
    }

    // MARK: - Making one

    /// A socket that receives what is sent to an address.
    ///
    /// - Parameters:
    ///   - address: Its address; port 0 takes a free port.
    ///   - options: How it behaves.
    /// - Returns: The socket.
    /// - Throws: ``IOError``: `.addressInUse`, `.addressNotAvailable`, `.permissionDenied`,
    ///   `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func bind(
        to address: SocketAddress, options: Options = .init()
    ) throws -> UDPSocket {
        try make(address, peer: nil, options, "bind to \(address)")
    }

    /// A socket that exchanges datagrams with one peer alone.
    ///
    /// Nothing is sent. What the peer's machine says of earlier datagrams, that nobody listens for
    /// instance, is an error of a later call; the socket can be used after it.
    ///
    /// - Parameters:
    ///   - peer: The peer.
    ///   - local: Its own address; nil lets the system choose.
    ///   - options: How it behaves.
    /// - Returns: The socket.
    /// - Throws: ``IOError``: `.unreachable`, `.permissionDenied` for a broadcast address without
    ///   the option, and as ``bind(to:options:)``.
    /// - Precondition: The caller runs on an event loop.
    public static func connect(
        to peer: SocketAddress, from local: SocketAddress? = nil, options: Options = .init()
    ) throws -> UDPSocket {
        try make(local, peer: peer, options, "connect to \(peer)")
    }

    private static func make(
        _ local: SocketAddress?, peer: SocketAddress?, _ options: Options, _ operation: String
    ) throws -> UDPSocket {
        let core = currentCore("UDPSocket")
        if core.isStopped { throw EventLoopError.stopped }
        let calls = core.poller.systemCalls
        guard let some = local ?? peer else { preconditionFailure("a socket without an address") }
        do throws(SystemError) {
            let descriptor = try DatagramCalls.open(some.socketFamily, calls)
            let address: SocketAddress
            let intake: DatagramIntake?
            do throws(SystemError) {
                intake = try makeIntake(options, descriptor, calls)
                try apply(options, some.family, descriptor, calls)
                if let local { try Socket.bind(descriptor, to: local.raw, calls) }
                if let peer { _ = try Socket.connect(descriptor, to: peer.raw, calls) }
                address = try Socket.localAddress(descriptor, calls)
            } catch {
                Socket.close(descriptor, calls)
                throw error
            }
            return UDPSocket(
                try SocketCore(descriptor, core: core), local: address, peer: peer,
                intake: intake)
        } catch {
            throw IOError(error, operation: operation)
        }
    }

    private static func apply(
        _ options: Options, _ family: SocketAddress.Family, _ descriptor: CInt,
        _ calls: SystemCalls
    ) throws(SystemError) {
        func set(_ option: DatagramCalls.Option, _ value: Int) throws(SystemError) {
            try DatagramCalls.set(option, value, descriptor, calls)
        }
        if options.reusesAddress { try set(.reuseAddress, 1) }
        if options.reusesPort { try set(.reusePort, 1) }
        if options.allowsBroadcast { try set(.broadcast, 1) }
        if !options.multicastLoopback { try set(.multicastLoopback(family), 0) }
        if options.multicastHops != 1 { try set(.multicastHops(family), options.multicastHops) }
        if let size = options.receiveBufferSize { try set(.receiveBuffer, size) }
        if let size = options.sendBufferSize { try set(.sendBuffer, size) }
    }

    private static func makeIntake(
        _ options: Options, _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> DatagramIntake? {
        if options.countsDrops { try DatagramCalls.set(.dropCount, 1, descriptor, calls) }
        let coalesces =
            options.coalescesReceived
            ? try DatagramCalls.coalesce(descriptor, calls) : false
        return coalesces || options.countsDrops ? DatagramIntake(coalesces: coalesces) : nil
    }

    // MARK: - Receiving

    /// Receives a datagram, waiting until there is one.
    ///
    /// ## Cancellation
    /// *No effect*: no datagram is lost.
    ///
    /// - Parameter room: How many of its bytes to take at most; the rest is lost, which
    ///   ``Datagram/isTruncated`` tells.
    /// - Returns: The datagram, and who sent it.
    /// - Throws: ``IOError``: what became of an earlier datagram of a connected socket, such as
    ///   `.connectionRefused`, once; `.closed` before or meanwhile, `.busy`;
    ///   ``EventLoopError/stopped``; `CancellationError`.
    /// - Precondition: `room` is not negative.
    public nonisolated(nonsending) func receive(room: Int = 65_535) async throws -> Datagram<
        SocketAddress
    > {
        let datagrams = try await receive(batch: 1, room: room)
        return datagrams[0]
    }

    /// Receives the datagrams that are there, waiting until there is one, by one system call.
    ///
    /// With ``Options/coalescesReceived`` those that came with earlier ones are first, by no call.
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
        batch count: Int, room: Int = 65_535
    ) async throws -> [Datagram<SocketAddress>] {
        precondition(count >= 1, "a batch of \(count) datagrams")
        precondition(room >= 0, "room for \(room) bytes")
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.receive(batch: count, room: room) }
        }
        var datagrams: [Datagram<SocketAddress>]?
        try await socket.receive("receive on \(localAddress)", "UDPSocket.receive") {
            () throws(SystemError) in
            datagrams =
                if let intake {
                    try socket.receiveDatagrams(count, room, intake)
                } else {
                    try socket.receiveDatagrams(count, room)
                }
            return datagrams != nil
        }
        return datagrams ?? []
    }

    // MARK: - Sending

    /// Sends a datagram, waiting until the kernel has room for it.
    ///
    /// ## Cancellation
    /// The datagram was sent, or it was not.
    ///
    /// - Parameters:
    ///   - bytes: What it carries; may be empty.
    ///   - address: Where to. A connected socket sends to its peer alone.
    /// - Throws: ``IOError``: `.messageTooLong`, `.permissionDenied` for a broadcast address without
    ///   the option, `.unreachable`, `.connectionRefused` as told of an earlier one, `.closed`,
    ///   `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    /// - Precondition: The socket is not connected.
    public nonisolated(nonsending) func send(
        _ bytes: [UInt8], to address: SocketAddress
    ) async throws {
        precondition(peerAddress == nil, "a connected socket sends to its peer alone")
        try await sendOne(Datagram(bytes, to: address))
    }

    /// Sends a datagram to the peer of a connected socket.
    ///
    /// ## Cancellation
    /// The datagram was sent, or it was not.
    ///
    /// - Parameter bytes: What it carries; may be empty.
    /// - Throws: As ``send(_:to:)``.
    /// - Precondition: The socket is connected.
    public nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws {
        guard let peerAddress else {
            preconditionFailure("a socket that is not connected must be told where to send")
        }
        try await sendOne(Datagram(bytes, to: peerAddress))
    }

    private nonisolated(nonsending) func sendOne(_ datagram: Datagram<SocketAddress>) async throws {
        let outcome = try await send(batch: [datagram])
        if let failure = outcome.failures.first { throw failure.error }
    }

    /// What became of a batch.
    public typealias BatchOutcome = DatagramBatchOutcome

    /// Sends datagrams in order, with as few system calls as can be, waiting whenever the kernel has
    /// no room.
    ///
    /// One that cannot be sent does not keep back those after it.
    ///
    /// ## Cancellation
    /// *Partial*: those before were sent.
    ///
    /// - Parameter datagrams: What to send, and where to; a connected socket sends to its peer.
    /// - Returns: How many were sent, and what the others failed with.
    /// - Throws: ``IOError``: `.closed`, `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    @discardableResult
    public nonisolated(nonsending) func send(batch datagrams: [Datagram<SocketAddress>])
        async throws
        -> BatchOutcome
    {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.send(batch: datagrams) }
        }
        return try await socket.send(
            datagrams.count, "send from \(localAddress)", "UDPSocket.send"
        ) { index throws(IOError) in
            try socket.sendDatagrams(datagrams[index...], isConnected: peerAddress != nil)
        }
    }

    // MARK: - The end

    /// Closes the socket, and wakes those who receive or send, with `.closed`.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    public nonisolated(nonsending) func close() async { await socket.close() }

    /// Datagrams that the kernel has dropped at this socket so far, mostly because its buffer for
    /// receiving was full; 0 without ``Options/countsDrops``.
    ///
    /// Each datagram brings the number as it was when that one came, so the last ones are missing until
    /// another one is received. Those whose checksum is wrong count, too; joined ones, with
    /// ``Options/coalescesReceived``, count as one. What is lost elsewhere, on the network or in the
    /// device, does not count.
    public var datagramsDropped: UInt64 { intake?.dropped.value ?? 0 }

    /// Bytes received so far.
    public var bytesReceived: UInt64 { socket.bytesRead.value }

    /// Bytes that the kernel has taken so far.
    public var bytesSent: UInt64 { socket.bytesWritten.value }
}
