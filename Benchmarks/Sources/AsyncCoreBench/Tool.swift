import Glibc

/// A program that some benchmarks need, and that this package does not build.
enum Tool: String, Sendable {
    case wrk
    case redisServer = "redis-server"
    case redisBenchmark = "redis-benchmark"

    /// What Debian and its kin have it in.
    var package: String {
        switch self {
        case .wrk: "wrk"
        case .redisServer: "redis-server"
        case .redisBenchmark: "redis-tools"
        }
    }

    var isInstalled: Bool {
        guard let path = getenv("PATH") else { return false }
        return String(cString: path).split(separator: ":").contains {
            access("\($0)/\(rawValue)", X_OK) == 0
        }
    }
}

/// The programs of this package that are built beside this one.
enum Sibling {
    static func path(of name: String) throws -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &bytes, bytes.count)
        guard length > 0 else { throw SystemFailure(errno: errno, purpose: "find \(name)") }
        let own = String(
            decoding: bytes.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return own[...(own.lastIndex(of: "/") ?? own.startIndex)] + name
    }
}
