import AsyncCore

/// The echo server as AsyncCore's documentation writes it: a task for each connection.
enum EchoAsyncCore {
    static func serve() throws {
        try EventLoop.run {
            let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 0))
            announce("port \(listener.localAddress.port)")
            for try await stream in listener {
                spawn {
                    try await stream.withConnection { stream in
                        while let bytes = try await stream.read(upTo: 4096) {
                            try await stream.write(bytes)
                        }
                    }
                }
            }
        }
    }
}
