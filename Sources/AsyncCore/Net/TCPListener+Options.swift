// How a listener behaves, and the connections that it accepts.

extension TCPListener {
    /// How a listener behaves, and the connections that it accepts.
    public struct Options: Sendable {
        /// How many connections the kernel keeps until they are accepted.
        ///
        /// It caps the number by net.core.somaxconn, and takes a negative one for that.
        public var backlog = 1_024

        /// Whether a port can be taken that connections of an earlier listener still hold.
        ///
        /// Off, a server that is started again may find its port in use for a minute.
        public var reusesAddress = true

        /// Whether several listeners, of this or other processes of the same user, may share the
        /// port: each gets a part of the connections.
        ///
        /// All of them must ask for it.
        public var reusesPort = false

        /// Whether a listener on an IPv6 address keeps to IPv6.
        ///
        /// Otherwise the one on `::` takes IPv4 connections, too; their addresses look like
        /// `::ffff:192.0.2.1`.
        public var ipv6Only = false

        /// How many connections that begin with data (TCP Fast Open) may be under way; nil for none
        /// of that kind.
        ///
        /// Kernels that do not have it, or have it switched off, do without: the data comes after the
        /// handshake.
        public var fastOpenQueue: Int?

        /// How the accepted connections behave.
        ///
        /// They inherit it from the listener, which costs an accept nothing. Their local address is
        /// not looked at.
        public var connections = TCPStream.Options()

        /// The usual: a port can be taken again at once, `::` takes both families, and small segments
        /// go out at once.
        public init() {}

        /// Sets up a socket that is about to be bound.
        func apply(
            _ descriptor: CInt, _ calls: SystemCalls, listeningOn address: SocketAddress
        ) throws(IOError) {
            func set<Value>(_ option: SocketOption<Value>, _ value: Value) throws(IOError) {
                try option.set(value, descriptor, calls, of: "a listener on \(address)")
            }
            if reusesAddress { try set(.reuseAddress, true) }
            if reusesPort { try set(.reusePort, true) }
            // Set in any case: the system's default can be changed.
            if address.family == .ipv6 { try set(.ipv6Only, ipv6Only) }
            if let fastOpenQueue {
                do { try set(.fastOpenQueue, fastOpenQueue) } catch  where error.isUnknownOption {}
            }
            try connections.applyForConnections(descriptor, calls, of: "a listener on \(address)")
        }
    }
}
