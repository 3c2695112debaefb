// The world's errors: what the kernel, a peer or the network has to say.

/// A failed operation on a descriptor, a socket or an address.
///
/// Switch over ``code``; it is open, so a `default` is needed. ``errno`` is the kernel's own
/// number, where it had one.
public struct IOError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// Its name.
        public let description: String

        /// The peer refused the connection (ECONNREFUSED).
        public static let connectionRefused = Code(description: "connection refused")
        /// The peer reset the connection (ECONNRESET).
        public static let connectionReset = Code(description: "connection reset by the peer")
        /// The peer does not read any more (EPIPE).
        public static let brokenPipe = Code(description: "the peer has closed the connection")
        /// The network or the peer did not answer in time (ETIMEDOUT).
        public static let timedOut = Code(description: "the network timed out")
        /// There is no way to the address (EHOSTUNREACH, ENETUNREACH).
        public static let unreachable = Code(description: "unreachable")
        /// The address or port is taken (EADDRINUSE).
        public static let addressInUse = Code(description: "address already in use")
        /// The address is not one of this machine's (EADDRNOTAVAIL).
        public static let addressNotAvailable = Code(description: "address not available")
        /// The text is no address, or the number no port.
        public static let invalidAddress = Code(description: "invalid address")
        /// There is no such file or folder (ENOENT).
        public static let notFound = Code(description: "not found")
        /// Not allowed (EACCES, EPERM).
        public static let permissionDenied = Code(description: "permission denied")
        /// Descriptors or memory have run out (EMFILE, ENFILE, ENOBUFS, ENOMEM).
        public static let resourcesExhausted = Code(description: "out of resources")
        /// The stream or listener was closed on this side, before the call or during it.
        public static let closed = Code(description: "closed")
        /// Another task is in the middle of the same operation.
        public static let busy = Code(description: "busy")
        /// The descriptor cannot be used this way: not open, or no socket (EBADF,
        /// ENOTSOCK).
        public static let badDescriptor = Code(description: "bad descriptor")
        /// More descriptors than one message takes: 253.
        public static let tooManyDescriptors = Code(description: "too many descriptors")
        /// A datagram is larger than the network takes (EMSGSIZE).
        public static let messageTooLong = Code(description: "message too long")
        /// A descriptor that cannot be waited for: a file or a directory.
        public static let notPollable = Code(description: "not pollable")
        /// The socket connected to itself; refused.
        public static let selfConnection = Code(description: "connected to itself")
        /// Anything else; see ``IOError/errno``.
        public static let system = Code(description: "system error")
    }

    /// What kind of failure it is.
    public let code: Code

    /// What was attempted: "connect to 127.0.0.1:80".
    public let operation: String

    /// The kernel's error number, if the kernel was asked.
    public let errno: Int32?

    /// More about it, if there is more to say.
    public let detail: String?

    /// An error that did not come from the kernel.
    public init(_ code: Code, operation: String, detail: String? = nil) {
        self.code = code
        self.operation = operation
        self.errno = nil
        self.detail = detail
    }

    /// The kernel's error, named by what was attempted; with another code, if this one says more.
    init(
        _ error: SystemError, operation: String, code: Code? = nil, detail: String? = nil
    ) {
        self.code = code ?? error.code
        self.operation = operation
        errno = error.errno
        self.detail = detail ?? error.message
    }

    /// What was attempted, what went wrong, and the error number.
    public var description: String {
        var text = "cannot \(operation): \(code)"
        if let detail, detail.lowercased() != code.description { text += " (\(detail))" }
        if let errno { text += " [errno \(errno)]" }
        return text
    }
}
