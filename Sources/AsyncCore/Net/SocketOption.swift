// The options of a connection, each with a type of its own.

/// An option of a connection: its name, and what it says.
///
/// ```swift
/// try await stream.setOption(.keepAlive, to: KeepAlive(idle: .seconds(30)))
/// let isProbed = try await stream.option(.keepAlive) != nil
/// ```
/// To set one leaves the others as they are. Those that a connection should have from the start are in
/// ``TCPStream/Options`` and ``TCPListener/Options``.
public struct SocketOption<Value: Sendable>: Sendable, CustomStringConvertible {
    /// Its name: "keepAlive".
    public let description: String

    private let read: @Sendable (CInt, SystemCalls) throws(SystemError) -> Value
    private let write: @Sendable (Value, CInt, SystemCalls) throws(SystemError) -> Void

    init(
        _ name: String,
        read: @escaping @Sendable (CInt, SystemCalls) throws(SystemError) -> Value,
        write: @escaping @Sendable (Value, CInt, SystemCalls) throws(SystemError) -> Void
    ) {
        description = name
        self.read = read
        self.write = write
    }

    /// The option's value; an error names the option.
    func get(
        _ descriptor: CInt, _ calls: SystemCalls, of owner: @autoclosure () -> String
    ) throws(IOError) -> Value {
        do { return try read(descriptor, calls) } catch {
            throw IOError(error, operation: "get the option \(description) of \(owner())")
        }
    }

    /// Sets the option; an error names it.
    func set(
        _ value: Value, _ descriptor: CInt, _ calls: SystemCalls,
        of owner: @autoclosure () -> String
    ) throws(IOError) {
        do { try write(value, descriptor, calls) } catch {
            throw IOError(error, operation: "set the option \(description) of \(owner())")
        }
    }
}

extension SocketOption<Bool> {
    /// Whether small segments go out at once (TCP_NODELAY), instead of waiting for more until the
    /// peer has acknowledged those before (Nagle's algorithm).
    ///
    /// On by default.
    public static var noDelay: Self { flag("noDelay", .noDelay) }

    /// Whether what arrives is acknowledged at once (TCP_QUICKACK).
    ///
    /// For the moment: the kernel goes back to its own judgement later.
    public static var quickAck: Self { flag("quickAck", .quickAck) }

    /// Whether closing the connection resets it, and drops what the peer has not acknowledged
    /// (SO_LINGER with no time): see ``TCPStream/reset()``.
    ///
    /// SO_LINGER with a time has no counterpart here: close would hold up the loop for as long.
    public static var resetsOnClose: Self {
        Self("resetsOnClose") { (descriptor, calls) throws(SystemError) in
            try Socket.resetsOnClose(descriptor, calls)
        } write: { (value, descriptor, calls) throws(SystemError) in
            try Socket.setResetsOnClose(descriptor, value, calls)
        }
    }

    static var reuseAddress: Self { flag("reuseAddress", .reuseAddress) }
    static var reusePort: Self { flag("reusePort", .reusePort) }
    static var ipv6Only: Self { flag("ipv6Only", .ipv6Only) }

    private static func flag(_ name: String, _ option: Socket.Option) -> Self {
        Self(name) { (descriptor, calls) throws(SystemError) in
            try Socket.get(option, descriptor, calls) != 0
        } write: { (value, descriptor, calls) throws(SystemError) in
            try Socket.set(option, value ? 1 : 0, descriptor, calls)
        }
    }
}

extension SocketOption<Int> {
    /// How many bytes the kernel keeps until they are read (SO_RCVBUF).
    ///
    /// The kernel makes room for twice as many, for what it has to note beside them, and tells that
    /// number when asked; it caps what is set by net.core.rmem_max. Setting it ends the automatic
    /// growth. The window that TCP offers is settled when it connects: set it then.
    ///
    /// Must be more than zero.
    public static var receiveBufferSize: Self { size("receiveBufferSize", .receiveBuffer) }

    /// How many bytes the kernel keeps until the peer has acknowledged them (SO_SNDBUF).
    ///
    /// Doubled and capped as ``receiveBufferSize``, by net.core.wmem_max. Must be more than zero.
    public static var sendBufferSize: Self { size("sendBufferSize", .sendBuffer) }

    static var fastOpenQueue: Self { size("fastOpenQueue", .fastOpen) }

    private static func size(_ name: String, _ option: Socket.Option) -> Self {
        Self(name) { (descriptor, calls) throws(SystemError) in
            try Socket.get(option, descriptor, calls)
        } write: { (value, descriptor, calls) throws(SystemError) in
            precondition(value > 0, "\(name) of \(value)")
            try Socket.set(option, value, descriptor, calls)
        }
    }
}

extension SocketOption<KeepAlive?> {
    /// How the peer of an idle connection is probed; nil if it is not, which is the default.
    public static var keepAlive: Self {
        Self("keepAlive") { (descriptor, calls) throws(SystemError) in
            if try Socket.get(.keepAlive, descriptor, calls) == 0 { return nil }
            return KeepAlive(
                reading: try Socket.get(.keepAliveIdle, descriptor, calls),
                try Socket.get(.keepAliveInterval, descriptor, calls),
                try Socket.get(.keepAliveCount, descriptor, calls))
        } write: { (value, descriptor, calls) throws(SystemError) in
            if let value {
                func set(_ option: Socket.Option, _ number: Int) throws(SystemError) {
                    try Socket.set(option, number, descriptor, calls)
                }
                try set(.keepAliveIdle, value.idle.units(of: .seconds(1)))
                try set(.keepAliveInterval, value.interval.units(of: .seconds(1)))
                try set(.keepAliveCount, value.count)
            }
            // Last: nothing is probed at times that are not meant.
            try Socket.set(.keepAlive, value == nil ? 0 : 1, descriptor, calls)
        }
    }
}

extension SocketOption<Duration?> {
    /// How long data that was sent may go without acknowledgement before the connection is given up
    /// (TCP_USER_TIMEOUT); nil for the system's own patience, some fifteen minutes.
    ///
    /// Reads and writes then fail with `.timedOut`. The same holds for a peer that lets nothing in
    /// for as long. With keep-alive it counts instead of the number of probes. A fraction of a
    /// millisecond is rounded up.
    ///
    /// Must be more than zero, and less than 24 days.
    public static var userTimeout: Self {
        Self("userTimeout") { (descriptor, calls) throws(SystemError) in
            let milliseconds = try Socket.get(.userTimeout, descriptor, calls)
            return milliseconds == 0 ? nil : .milliseconds(milliseconds)
        } write: { (value, descriptor, calls) throws(SystemError) in
            if let value {
                precondition(
                    value > .zero && value < .seconds(24 * 86_400), "userTimeout of \(value)")
            }
            try Socket.set(
                .userTimeout, value?.units(of: .milliseconds(1)) ?? 0, descriptor, calls)
        }
    }
}

extension SocketStream {
    /// Sets an option of the connection; the others stay as they are.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*, but for the way to the stream's loop.
    ///
    /// - Parameters:
    ///   - option: Which.
    ///   - value: What it is to be.
    /// - Throws: ``IOError``, which names the option: `.closed`, or what setsockopt(2) says; a Unix
    ///   connection has none of TCP's.
    /// - Precondition: The value is one that the option allows.
    public final nonisolated(nonsending) func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.setOption(option, to: value) }
        }
        guard socket.isOpen else {
            throw IOError(
                .closed, operation: "set the option \(option) of the connection with \(peerName)")
        }
        try option.set(
            value, socket.descriptor, socket.calls, of: "the connection with \(peerName)")
    }

    /// An option of the connection.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*, but for the way to the stream's loop.
    ///
    /// - Parameter option: Which.
    /// - Returns: What it is.
    /// - Throws: ``IOError``, which names the option: `.closed`, or what getsockopt(2) says.
    public final nonisolated(nonsending) func option<Value>(
        _ option: SocketOption<Value>
    ) async throws -> Value {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.option(option) }
        }
        guard socket.isOpen else {
            throw IOError(
                .closed, operation: "get the option \(option) of the connection with \(peerName)")
        }
        return try option.get(
            socket.descriptor, socket.calls, of: "the connection with \(peerName)")
    }
}
