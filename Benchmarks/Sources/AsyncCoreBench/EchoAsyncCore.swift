import AsyncCore

/// The echo server as AsyncCore's documentation writes it: a task for each connection.
///
/// It reads into memory of its own, as its peers do.
enum EchoAsyncCore {
    static func serve() throws {
        try EventLoop.run {
            let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 0))
            announce("port \(listener.localAddress.port)")
            for try await stream in listener {
                spawn { try await stream.withConnection(echo) }
            }
        }
    }

    nonisolated(nonsending) private static func echo(_ stream: TCPStream) async throws {
        var memory = [UInt8](repeating: 0, count: 4096)
        while true {
            var span = memory.mutableSpan
            var bytes = span.mutableBytes
            guard let count = try await stream.read(into: &bytes) else { return }
            try await stream.write(bytes.bytes.extracting(first: count))
        }
    }
}
