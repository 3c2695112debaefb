// An address of a socket, as a value.
internal import CEventLoop
internal import Glibc

/// An IPv4 or IPv6 address with a port.
///
/// Made from literals only; nothing here asks a name server.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    // SAFETY: every pointer passed to C below points to a local value or array that lives through the
    // call, with its size; C keeps none of them.

    /// The address family.
    public enum Family: Hashable, Sendable {
        /// IPv4.
        case ipv4
        /// IPv6.
        case ipv6
    }

    /// The address without its port, in canonical text form: "127.0.0.1", "::1", "fe80::1%eth0".
    public let host: String

    /// The port, 0 to 65,535.
    ///
    /// 0 asks the kernel for a free one when a listener binds.
    public let port: Int

    /// IPv4 or IPv6.
    public let family: Family

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
    init(raw: cel_address) {
        var raw = raw
        var text = [CChar](repeating: 0, count: 64)
        let result = unsafe text.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: the array is not empty, so its buffer has a base address.
            guard let base = buffer.baseAddress else { return -EINVAL }
            return unsafe cel_address_format(&raw, base, buffer.count)
        }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        host = result == 0 ? String(decoding: bytes, as: UTF8.self) : "?"
        port = Int(unsafe cel_address_port(&raw))
        family = raw.storage.ss_family == sa_family_t(AF_INET6) ? .ipv6 : .ipv4
    }

    /// The address as the kernel wants it.
    var raw: cel_address {
        var raw = cel_address()
        // A scope whose interface has gone leaves the address empty; the kernel then refuses it by
        // EINVAL.
        _ = unsafe host.withCString { unsafe cel_address_parse($0, UInt16(port), &raw) }
        return raw
    }

    var socketFamily: CInt { family == .ipv4 ? AF_INET : AF_INET6 }
}
