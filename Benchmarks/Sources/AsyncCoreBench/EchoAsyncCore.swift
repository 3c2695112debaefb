import AsyncCore
import CBenchSupport

/// The echo server as AsyncCore's documentation writes it: a task for each connection.
enum EchoAsyncCore {
    /// Reads into memory of the connection's own. The peer in C has one buffer for all, on its stack, which
    /// is always near: with many connections, or large messages, that is part of the difference.
    static func serve() throws {
        try EventLoop.run {
            for try await stream in try listen() {
                spawn {
                    try await stream.withConnection { stream in
                        var memory = [UInt8](repeating: 0, count: Int(BENCH_MAX_MESSAGE))
                        while true {
                            var span = memory.mutableSpan
                            var bytes = span.mutableBytes
                            guard let count = try await stream.read(into: &bytes) else { return }
                            try await stream.write(bytes.bytes.extracting(first: count))
                        }
                    }
                }
            }
        }
    }

    /// Reads what is there: a connection that waits has no memory.
    static func serveLean() throws {
        try EventLoop.run {
            for try await stream in try listen() {
                spawn {
                    try await stream.withConnection { stream in
                        while let bytes = try await stream.read(upTo: Int(BENCH_MAX_MESSAGE)) {
                            try await stream.write(bytes)
                        }
                    }
                }
            }
        }
    }

    private static func listen() throws -> TCPListener {
        let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 0))
        announce("port \(listener.localAddress.port)")
        return listener
    }
}
