// An address of a Unix socket, as a value.
internal import CEventLoop
internal import Glibc

/// An address of a Unix socket: a path in the file system, an abstract name, or none.
///
/// ```swift fragment
/// let listener = try UnixListener.bind(to: .path("/run/server.sock"))
/// let stream = try await UnixStream.connect(to: .abstract("server"))
/// ```
/// Both may have 107 bytes at most: a longer one is refused when it is used, never cut. An abstract
/// name stands for no file: it goes away with its socket, and everybody in the same network namespace
/// can use it.
public struct UnixAddress: Hashable, Sendable, CustomStringConvertible {
    // SAFETY: every pointer passed to C below points to a local value or array that lives through the
    // call, with its size; C keeps none of them.

    /// What kind of address it is.
    public enum Kind: Hashable, Sendable {
        /// A path in the file system.
        case path
        /// A name without a file, which Linux has.
        case abstract
        /// None: the address of most clients, and of both ends of a pair.
        case unnamed
    }

    /// How many bytes a path or a name has at most.
    public static let maximumLength = Int(CEL_UNIX_NAME_MAX)

    /// What kind of address it is.
    public let kind: Kind

    /// The path, or the abstract name without the NUL before it; empty if it is unnamed.
    public let bytes: [UInt8]

    private init(_ kind: Kind, _ bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }

    /// A path; a relative one begins at the process's working directory.
    ///
    /// - Parameter path: The path, in UTF-8.
    /// - Returns: The address; whether the path can be one is looked at when it is used.
    public static func path(_ path: String) -> UnixAddress {
        UnixAddress(.path, Array(path.utf8))
    }

    /// An abstract name.
    ///
    /// - Parameter name: The name, in UTF-8, without the NUL before it.
    /// - Returns: The address; whether the name can be one is looked at when it is used.
    public static func abstract(_ name: String) -> UnixAddress {
        UnixAddress(.abstract, Array(name.utf8))
    }

    /// An abstract name of any bytes.
    ///
    /// - Parameter name: The name, without the NUL before it.
    /// - Returns: The address; whether the name can be one is looked at when it is used.
    public static func abstract(_ name: [UInt8]) -> UnixAddress { UnixAddress(.abstract, name) }

    /// The address of a socket that has none.
    public static let unnamed = UnixAddress(.unnamed, [])

    /// The path, "@name" for an abstract name, or "(unnamed)".
    ///
    /// Bytes that are not printable ASCII are written as `\x00` in a name.
    public var description: String {
        switch kind {
        case .path: String(decoding: bytes, as: UTF8.self)
        case .abstract: "@" + bytes.map(Self.describe).joined()
        case .unnamed: "(unnamed)"
        }
    }

    private static func describe(_ byte: UInt8) -> String {
        if (0x20...0x7E).contains(byte) { return String(UnicodeScalar(byte)) }
        return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    // MARK: - The kernel's form

    /// The address as the kernel gave it.
    init(raw: RawAddress) {
        var raw = raw
        var name = [CChar](repeating: 0, count: Int(CEL_UNIX_NAME_MAX) + 1)
        var length = 0
        let kind = unsafe cel_address_unix_name(&raw, &name, &length)
        let bytes = name[..<length].map { UInt8(bitPattern: $0) }
        switch UInt32(bitPattern: kind) {
        case CEL_UNIX_PATH.rawValue: self.init(.path, bytes)
        case CEL_UNIX_ABSTRACT.rawValue: self.init(.abstract, bytes)
        default: self.init(.unnamed, [])
        }
    }

    /// The address as the kernel wants it.
    ///
    /// - Parameter operation: What is attempted, for the error: "listen on", say.
    /// - Returns: The address.
    /// - Throws: ``IOError`` with `.invalidAddress` if it is too long, empty, unnamed, or a path
    ///   with a NUL in it.
    func raw(for operation: String) throws(IOError) -> RawAddress {
        var raw = cel_address()
        let result =
            unsafe kind == .unnamed
            ? -EINVAL : cel_address_unix(bytes, bytes.count, kind == .abstract, &raw)
        if result == 0 { return raw }
        let what = kind == .path ? "the path" : "the name"
        throw IOError(
            .invalidAddress, operation: "\(operation) \(self)",
            detail: result == -ENAMETOOLONG
                ? "\(what) has \(bytes.count) bytes; \(Self.maximumLength) is the limit"
                : kind == .unnamed
                    ? "the address has no name"
                    : bytes.isEmpty ? "\(what) is empty" : "\(what) has a NUL in it")
    }

    /// Whether a socket can have it, or be sent to by it.
    var canBeUsed: Bool { (try? raw(for: "use")) != nil }

    /// The address as the kernel wants it; of length 0 if it cannot be used.
    var raw: RawAddress { (try? raw(for: "use")) ?? cel_address() }

    /// What makes bind(2) choose an abstract name that is free.
    static var anyName: RawAddress {
        var raw = cel_address()
        raw.storage.ss_family = sa_family_t(AF_UNIX)
        raw.length = socklen_t(MemoryLayout<sa_family_t>.size)
        return raw
    }

    static var socketFamily: CInt { AF_UNIX }
}
