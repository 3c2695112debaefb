import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Servers that end idle connections: D9.
@Suite(.watched)
struct IdleConnectionTests {
    @Test func `an idle connection is ended and told of, and the others go on (D9)`() async throws {
        try await onLoop {
            let errors = Recorder<String>()
            var configuration = TCPServer.Configuration()
            configuration.idleTimeout = .milliseconds(40)
            configuration.onError = { error, _ in errors.append("\(error)") }
            let server = TCPServer(
                try TCPListener.bind(to: .loopback(port: 0)), configuration: configuration)
            let serving = spawn { try await server.serve { try await $0.echo() } }
            let idle = try await TCPStream.connect(to: server.listener.localAddress)
            // Nothing is sent, so nothing but the server ends it.
            #expect(try await idle.read(upTo: 1) == nil)
            while server.statistics.active > 0 { try await yield() }
            #expect(errors.elements == ["\(IdleTimeoutError(.milliseconds(40)))"])
            #expect(server.statistics.failed == 1)
            let busy = try await TCPStream.connect(to: server.listener.localAddress)
            try await busy.write("x")
            #expect(try await busy.read(upTo: 1) == Array("x".utf8))
            await busy.close()
            await idle.close()
            try await server.shutdown()
            try await serving.value
        }
    }

    @Test func `a connection counts in both directions`() async throws {
        try await onLoop {
            try await withPair { near, far in
                try await near.withIdleTimeout(.seconds(3600)) { near in
                    try await near.write("ab")
                    #expect(try await far.read(upTo: 2) == Array("ab".utf8))
                    try await far.write("c")
                    #expect(try await near.read(upTo: 2) == Array("c".utf8))
                    #expect(near.bytesRead == 1 && near.bytesWritten == 2)
                }
                await #expect(throws: IdleTimeoutError.self) {
                    try await near.withIdleTimeout(.milliseconds(4)) {
                        _ = try await $0.read(upTo: 1)
                    }
                }
                try await far.write("d")
                #expect(try await near.read(upTo: 2) == Array("d".utf8))
            }
        }
    }
}
