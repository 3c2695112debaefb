// A datagram, as a value.

/// One message of a datagram socket: what it carries, and who sent it, or is to get it.
public struct Datagram: Sendable, Equatable {
    /// What it carries; may be empty.
    public var bytes: [UInt8]

    /// The sender of one that was received; where to, for one that is sent.
    public var address: SocketAddress

    /// How many bytes it had when it was received: more than ``bytes`` has if it was cut.
    public let size: Int

    /// Whether bytes were lost because there was no room for them.
    public var isTruncated: Bool { size > bytes.count }

    /// A datagram to send.
    public init(_ bytes: [UInt8], to address: SocketAddress) {
        self.init(bytes: bytes, address: address, size: bytes.count)
    }

    init(bytes: [UInt8], address: SocketAddress, size: Int) {
        self.bytes = bytes
        self.address = address
        self.size = size
    }
}
