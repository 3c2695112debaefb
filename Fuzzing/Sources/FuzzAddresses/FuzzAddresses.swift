// Addresses: as text, and as the kernel's bytes.

import FuzzDriver
import CEventLoop
import Glibc

@testable import AsyncCore

/// What is read as an address is written so that it is read as the same one; whatever the bytes.
@main
struct FuzzAddresses: FuzzTarget {
    static func run(_ input: [UInt8]) {
        var reader = InputReader(input)
        switch reader.number(below: 5) {
        case 0: parse(String(decoding: reader.remaining(), as: UTF8.self))
        case 1:
            let port = Int(reader.byte()) << 9 - 1_000
            parse(host: String(decoding: reader.remaining(), as: UTF8.self), port: port)
        case 2: decode(length: reader.number(below: 160), reader.remaining())
        case 3:
            let isAbstract = reader.byte() % 2 == 1
            name(reader.remaining(), isAbstract: isAbstract)
        default: lookUp(String(decoding: reader.remaining(), as: UTF8.self))
        }
    }

    // MARK: - Text

    private static func parse(_ text: String) {
        guard let address = try? SocketAddress(parsing: text) else { return }
        checkPrinting(address)
        let end = text.utf8.firstIndex(of: UInt8(ascii: "%")) ?? text.endIndex
        require(
            text.utf8[..<end].allSatisfy { Self.bytes.contains($0) }, "\(text) is no address")
        require(text.hasPrefix("[") == (address.family == .ipv6), "brackets: \(text)")
    }

    /// What an address is made of, but for a scope.
    private static let bytes = Array("0123456789abcdefABCDEF:.[]".utf8)

    /// What a resolver is asked for: an address, a name, or neither.
    private static func lookUp(_ host: String) {
        do {
            if let address = try HostName.literal(host, port: 80) {
                require(address.port == 80, "the port")
                return checkPrinting(address)
            }
            require(
                (1...254).contains(host.utf8.count)
                    && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") },
                "\(host) is a name")
        } catch let error as ResolutionError {
            require(!error.description.isEmpty, "no reason")
        } catch {
            fail("\(host): \(error)")
        }
    }

    private static func parse(host: String, port: Int) {
        guard let address = try? SocketAddress(host, port: port) else { return }
        require(address.port == port, "the port \(port) became \(address.port)")
        require(host.contains(":") == (address.family == .ipv6), "the family of \(host)")
        checkPrinting(address)
    }

    private static func checkPrinting(_ address: SocketAddress) {
        guard let again = try? SocketAddress(parsing: address.description) else {
            fail("\(address) is not read again")
        }
        require(again == address, "\(address) is read as \(again)")
        require(
            SocketAddress(raw: address.raw) == address, "\(address) is lost in the kernel's form")
    }

    // MARK: - The kernel's form

    private static func decode(length: Int, _ bytes: [UInt8]) {
        var raw = cel_address()
        withUnsafeMutableBytes(of: &raw.storage) { $0.copyBytes(from: bytes.prefix($0.count)) }
        raw.length = socklen_t(length)
        let family = Int32(raw.storage.ss_family)

        let address = SocketAddress(raw: raw)
        let isWhole =
            family == AF_INET && length >= MemoryLayout<sockaddr_in>.size
            || family == AF_INET6 && length >= MemoryLayout<sockaddr_in6>.size
        require((address.host != "?") == isWhole, "\(address) of \(length) bytes, family \(family)")
        if isWhole {
            checkPrinting(address)
        } else {
            require(address.port == 0, "a port without an address")
            require((try? SocketAddress(parsing: address.description)) == nil, "no address is one")
            require(address.raw.length == 0, "no address has a length")
        }

        let unix = UnixAddress(raw: raw)
        if family != AF_UNIX || length <= MemoryLayout<sa_family_t>.size {
            require(unix == .unnamed, "\(unix) of \(length) bytes, family \(family)")
        } else if let again = try? unix.raw(for: "use") {
            require(UnixAddress(raw: again) == unix, "\(unix) is read as another")
        } else {
            require(
                unix.bytes.isEmpty || unix.bytes.count > UnixAddress.maximumLength,
                "\(unix) cannot be used")
        }
        _ = unix.description
    }

    private static func name(_ bytes: [UInt8], isAbstract: Bool) {
        let text = String(decoding: bytes, as: UTF8.self)
        let address = isAbstract ? UnixAddress.abstract(bytes) : .path(text)
        let isGood =
            !address.bytes.isEmpty && address.bytes.count <= UnixAddress.maximumLength
            && (isAbstract || !address.bytes.contains(0))
        do {
            let raw = try address.raw(for: "use")
            require(isGood, "\(address.bytes) is taken")
            require(UnixAddress(raw: raw) == address, "\(address) is read as another")
        } catch {
            require(!isGood, "\(address.bytes) is refused: \(error)")
        }
        require(!address.description.isEmpty || bytes.isEmpty, "no description")
    }
}
