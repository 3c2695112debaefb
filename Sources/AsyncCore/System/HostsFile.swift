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
        let addresses: [String: [String]]
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
        lock.withLock { read()[name.lowercased()] }
    }

    private func read() -> [String: [String]] {
        guard let stamp = stamp() else { return [:] }
        if let known, known.stamp == stamp { return known.addresses }
        let addresses = Self.parse(text())
        known = Contents(stamp: stamp, addresses: addresses)
        return addresses
    }

    /// An address and its names a line; what follows a `#` is a comment.
    static func parse(_ text: String) -> [String: [String]] {
        var addresses: [String: [String]] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            guard let address = words.first else { continue }
            for name in words.dropFirst() {
                let name = name.lowercased()
                if addresses[name]?.contains(String(address)) == true { continue }
                addresses[name, default: []].append(String(address))
            }
        }
        return addresses
    }

    private func stamp() -> Stamp? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Stamp(
            file: UInt(status.st_ino), size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    private func text() -> String {
        guard let file = unsafe fopen(path, "re") else { return "" }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        // A file that never ends is no hosts file.
        while bytes.count < 1 << 20 {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
