// The names that a machine knows without asking anybody: /etc/hosts.
internal import CEventLoop
internal import Glibc

/// A file that gives names to addresses, read again when it has changed.
///
/// Any thread. Reading blocks for as long as a small local file takes.
final class HostsFile: @unchecked Sendable {
    // SAFETY: `known` is guarded by `lock`. Pointers passed to C point to local values that live
    // through the call.
    private let path: String
    private let lock = ThreadLock()
    private var known: Contents?

    private struct Contents {
        let stamp: Stamp
        let addresses: [[UInt8]: [String]]
    }

    /// What tells a changed file.
    private struct Stamp: Equatable {
        let file: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    init(path: String = "/etc/hosts") { self.path = path }

    /// The addresses of a name, of both families, in the order of the file; nil if the name is not
    /// in it.
    func addresses(of name: String) -> [String]? {
        lock.withLock { read()[Self.key(name.utf8)] }
    }

    private func read() -> [[UInt8]: [String]] {
        guard let stamp = stamp() else { return [:] }
        if let known, known.stamp == stamp { return known.addresses }
        let addresses = Self.parse(text())
        known = Contents(stamp: stamp, addresses: addresses)
        return addresses
    }

    /// An address and its names a line; what follows a `#` is a comment.
    ///
    /// It goes by bytes, as the C library does: what Unicode takes for the end of a line, for space,
    /// or for one character with the `#` before it, is text like any other.
    static func parse(_ text: [UInt8]) -> [[UInt8]: [String]] {
        var addresses: [[UInt8]: [String]] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split(whereSeparator: isSpace)
            guard let first = words.first else { continue }
            let address = String(decoding: first, as: UTF8.self)
            for name in words.dropFirst() {
                let name = key(name)
                if addresses[name]?.contains(address) == true { continue }
                addresses[name, default: []].append(address)
            }
        }
        return addresses
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
    }

    /// A name with its capital letters, those of ASCII, as small ones.
    private static func key(_ name: some Sequence<UInt8>) -> [UInt8] {
        name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private func stamp() -> Stamp? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Stamp(
            file: UInt(status.st_ino), size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    private func text() -> [UInt8] {
        guard let file = unsafe fopen(path, "re") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        // A file that never ends is no hosts file.
        while bytes.count < 1 << 20 {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: chunk.prefix(count))
        }
        return bytes
    }
}
