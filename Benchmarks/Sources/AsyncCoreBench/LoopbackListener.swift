import CBenchSupport
import Glibc

/// A listening socket of the C helpers.
struct LoopbackListener {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        var descriptor: Int32 = -1
        var port: UInt16 = 0
        try check(bench_listen(&descriptor, &port), "listen")
        self.descriptor = descriptor
        self.port = port
    }

    /// A port that nobody listened on just now.
    static func freePort() throws -> UInt16 {
        let listener = try LoopbackListener()
        close(listener.descriptor)
        return listener.port
    }
}
