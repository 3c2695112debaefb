// An address of a socket, as a value.
internal import CEventLoop
internal import Glibc

/// An IPv4 or IPv6 address with a port.
///
/// Made from literals only; nothing here asks a name server.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    // SAFETY: every pointer passed to C below points to a local value that lives through the call, with
    // its size; C keeps none of them. The structures of the families are no larger than the storage,
    // which is aligned for each, and have nothing but numbers in them.

    /// The address family.
    public enum Family: Hashable, Sendable {
        /// IPv4.
        case ipv4
        /// IPv6.
        case ipv6
    }

    private let number: Number
    private let portNumber: UInt16

    /// The address without its port, in the kernel's byte order.
    private enum Number: Hashable {
        case ipv4(UInt32)
        case ipv6(UInt64, UInt64, scope: UInt32)
        /// Of no family that is known here, or cut.
        case unknown
    }

    /// The address without its port, in canonical text form: "127.0.0.1", "::1", "fe80::1%eth0".
    ///
    /// The text is made each time that it is asked for.
    public var host: String {
        var raw = raw
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            // SAFETY: the memory is not empty, so it has a base address; the call ends the text in a NUL.
            guard let base = text.baseAddress,
                unsafe cel_address_format(&raw, base, text.count) == 0
            else { return "?" }
            return unsafe String(cString: base)
        }
    }

    /// The port, 0 to 65,535.
    ///
    /// 0 asks the kernel for a free one when a listener binds.
    public var port: Int { Int(portNumber) }

    /// IPv4 or IPv6.
    public var family: Family {
        if case .ipv6 = number { .ipv6 } else { .ipv4 }
    }

    /// An address from a literal and a port.
    ///
    /// - Throws: ``IOError`` with `.invalidAddress` if `host` is no literal IPv4 or IPv6 address,
    ///   or `port` not in 0...65535.
    public init(_ host: String, port: Int) throws {
        guard let number = UInt16(exactly: port) else {
            throw IOError(
                .invalidAddress, operation: "use port \(port)", detail: "a port is 0 to 65535")
        }
        var raw = cel_address()
        let result =
            unsafe host.utf8.contains(0)
            ? -EINVAL : host.withCString { unsafe cel_address_parse($0, number, &raw) }
        guard result == 0 else {
            throw IOError(
                .invalidAddress, operation: "use address \(String(reflecting: host))",
                detail: result == -ENODEV
                    ? "its scope names no interface of this machine"
                    : "not a literal IPv4 or IPv6 address")
        }
        self.init(raw: raw)
    }

    /// An address from text: "127.0.0.1:80" or "[::1]:80".
    ///
    /// - Throws: ``IOError`` with `.invalidAddress`, which says what is wrong with the text.
    public init(parsing text: String) throws {
        func fail(_ detail: String) -> IOError {
            IOError(
                .invalidAddress, operation: "use address \(String(reflecting: text))",
                detail: detail)
        }
        guard let colon = text.lastIndex(of: ":") else { throw fail("the port is missing") }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            // Whoever reads them otherwise would see another host.
            if !host.contains(":") { throw fail("brackets are for an IPv6 address") }
        } else if host.contains(":") {
            throw fail("an IPv6 address with a port is written [address]:port")
        }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { throw fail("the port is not a number from 0 to 65535") }
        try self.init(String(host), port: port)
    }

    /// 127.0.0.1 with the given port (0: any).
    ///
    /// - Throws: ``IOError`` with `.invalidAddress` if `port` is not in 0...65535.
    public static func loopback(port: Int) throws -> SocketAddress {
        try SocketAddress("127.0.0.1", port: port)
    }

    /// "127.0.0.1:80" or "[::1]:80".
    public var description: String {
        family == .ipv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
    }

    /// The address as the kernel gave it.
    init(raw: RawAddress) {
        let length = Int(raw.length)
        switch CInt(raw.storage.ss_family) {
        case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
            let name = unsafe withUnsafeBytes(of: raw.storage) {
                unsafe $0.load(as: sockaddr_in.self)
            }
            number = .ipv4(name.sin_addr.s_addr)
            portNumber = UInt16(bigEndian: name.sin_port)
        case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
            let name = unsafe withUnsafeBytes(of: raw.storage) {
                unsafe $0.load(as: sockaddr_in6.self)
            }
            let (high, low) = unsafe withUnsafeBytes(of: name.sin6_addr) { bytes in
                unsafe (
                    bytes.loadUnaligned(as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                )
            }
            number = .ipv6(high, low, scope: name.sin6_scope_id)
            portNumber = UInt16(bigEndian: name.sin6_port)
        default:
            number = .unknown
            portNumber = 0
        }
    }

    /// The address as the kernel wants it; of length 0 if it was none.
    var raw: RawAddress {
        var raw = RawAddress()
        switch number {
        case .ipv4(let address):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = portNumber.bigEndian
            name.sin_addr.s_addr = address
            unsafe withUnsafeMutableBytes(of: &raw.storage) {
                unsafe $0.storeBytes(of: name, as: sockaddr_in.self)
            }
            raw.length = socklen_t(MemoryLayout<sockaddr_in>.size)
        case .ipv6(let high, let low, let scope):
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = portNumber.bigEndian
            name.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high, as: UInt64.self)
                unsafe bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            }
            unsafe withUnsafeMutableBytes(of: &raw.storage) {
                unsafe $0.storeBytes(of: name, as: sockaddr_in6.self)
            }
            raw.length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        case .unknown:
            break
        }
        return raw
    }

    private init(_ number: Number, port: UInt16) {
        self.number = number
        portNumber = port
    }

    /// The same host, of no port: what tells peers apart.
    var withoutPort: SocketAddress { SocketAddress(number, port: 0) }

    var socketFamily: CInt { family == .ipv4 ? AF_INET : AF_INET6 }
}
