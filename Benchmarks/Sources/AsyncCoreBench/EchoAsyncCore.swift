import AsyncCore
import CBenchSupport

/// The echo server as AsyncCore's README writes it: a task for each connection.
enum EchoAsyncCore {
    /// Reads into memory of the loop's pool, as the peer in C reads into one buffer for all: a connection
    /// that waits has no memory.
    static func serve() throws {
        try EventLoop.run {
            let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 0))
            announce("port \(listener.localAddress.port)")
            for try await stream in listener {
                spawn {
                    try await stream.withConnection { stream in
                        while let received = try await stream.readPooled(
                            upTo: Int(BENCH_MAX_MESSAGE))
                        {
                            try await stream.write(received.bytes)
                        }
                    }
                }
            }
        }
    }
}
