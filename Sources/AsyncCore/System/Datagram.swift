// A datagram, as a value.

/// One message of a datagram socket: what it carries, and who sent it, or is to get it.
///
/// Of a ``UDPSocket`` with a ``SocketAddress``, of a ``UnixDatagramSocket`` with a ``UnixAddress``.
public struct Datagram<Address: Hashable & Sendable>: Sendable, Equatable {
    /// What it carries; may be empty.
    public var bytes: [UInt8]

    /// The sender of one that was received; where to, for one that is sent.
    public var address: Address

    /// How many bytes it had when it was received: more than ``bytes`` has if it was cut.
    public let size: Int

    /// Whether bytes were lost because there was no room for them.
    public var isTruncated: Bool { size > bytes.count }

    /// A datagram to send.
    public init(_ bytes: [UInt8], to address: Address) {
        self.init(bytes: bytes, address: address, size: bytes.count)
    }

    init(bytes: [UInt8], address: Address, size: Int) {
        self.bytes = bytes
        self.address = address
        self.size = size
    }
}

/// What became of a batch of datagrams.
public struct DatagramBatchOutcome: Sendable {
    /// A datagram that was not sent.
    public struct Failure: Sendable {
        /// Its place in the batch.
        public let index: Int
        /// Why.
        public let error: IOError
    }

    /// How many the kernel took.
    public internal(set) var sent = 0

    /// Those that it did not take, in order; the others were sent all the same.
    public internal(set) var failures: [Failure] = []
}

/// An address that datagrams come from and go to.
protocol DatagramAddress: Hashable, Sendable {
    /// The address as the kernel gave it.
    init(raw: RawAddress)

    /// The address as the kernel wants it.
    var raw: RawAddress { get }
}

extension SocketAddress: DatagramAddress {}
extension UnixAddress: DatagramAddress {}
