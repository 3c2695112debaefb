// How a connection behaves from its start.

extension TCPStream {
    /// How a connection behaves.
    ///
    /// What cannot be changed later is here alone; the rest is in ``SocketOption`` as well.
    public struct Options: Sendable {
        /// Whether small segments go out at once: see ``SocketOption/noDelay``.
        public var noDelay = true

        /// How the peer of an idle connection is probed; nil if it is not.
        public var keepAlive: KeepAlive?

        /// How long data may go without acknowledgement; nil for the system's own patience: see
        /// ``SocketOption/userTimeout``.
        public var userTimeout: Duration?

        /// Bytes that the kernel keeps until they are read; nil for its default, which grows.
        public var receiveBufferSize: Int?

        /// Bytes that the kernel keeps until they are acknowledged; nil for its default, which grows.
        public var sendBufferSize: Int?

        /// The address of this end; nil lets the system choose.
        ///
        /// Port 0 takes a free port. Another port cannot be taken by two connections to one peer.
        public var localAddress: SocketAddress?

        /// The usual: small segments go out at once, and the system chooses the rest.
        public init() {}

        /// Sets up a socket that is about to connect.
        func apply(
            _ descriptor: CInt, _ calls: SystemCalls, connectingTo address: SocketAddress
        ) throws(IOError) {
            try applyForConnections(descriptor, calls, of: "a connection to \(address)")
            guard let localAddress else { return }
            let operation = "connect to \(address) from \(localAddress)"
            if localAddress.family != address.family {
                throw IOError(
                    .addressNotAvailable, operation: operation,
                    detail: "one is an IPv4 address and the other is not")
            }
            do { try Socket.bind(descriptor, to: localAddress, calls) } catch {
                throw IOError(error, operation: operation)
            }
        }

        /// Sets the options that a connection has, or inherits from its listener.
        func applyForConnections(
            _ descriptor: CInt, _ calls: SystemCalls, of owner: @autoclosure () -> String
        ) throws(IOError) {
            func set<Value>(_ option: SocketOption<Value>, _ value: Value) throws(IOError) {
                try option.set(value, descriptor, calls, of: owner())
            }
            if let receiveBufferSize { try set(.receiveBufferSize, receiveBufferSize) }
            if let sendBufferSize { try set(.sendBufferSize, sendBufferSize) }
            if noDelay { try set(.noDelay, true) }
            if keepAlive != nil { try set(.keepAlive, keepAlive) }
            if userTimeout != nil { try set(.userTimeout, userTimeout) }
        }
    }
}
