import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct TCPStreamTests {
    @Test func `what is written is read`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn {
                try await listener.accept().withConnection { stream in
                    while let bytes = try await stream.read(upTo: 100) {
                        try await stream.write(bytes)
                    }
                }
            }
            try await TCPStream.withConnection(to: listener.localAddress) { stream in
                try await stream.write("hello")
                #expect(try await stream.read(upTo: 100) == Array("hello".utf8))
                try await stream.finishWriting()
                #expect(try await stream.read(upTo: 100) == nil)
            }
            try await server.value
            await listener.close()
        }
    }
}
