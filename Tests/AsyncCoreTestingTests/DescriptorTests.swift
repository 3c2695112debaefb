import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Real sockets on virtual time.
@Suite(.watched)
struct DescriptorTests {
    /// An echo server that thinks for a second about each message.
    private static func serve(_ listener: TCPListener) async throws {
        let stream = try await listener.accept()
        while let bytes = try await stream.read(upTo: 100) {
            try await sleep(for: .seconds(1))
            try await stream.write(bytes)
        }
        await stream.close()
    }

    private static func talk(_ listener: TCPListener) async throws {
        try await TCPStream.withConnection(to: listener.localAddress) { stream in
            for round in 1...10 {
                try await stream.write("hello")
                let answer = try await withTimeout(.milliseconds(1_500)) {
                    try await stream.read(upTo: 100)
                }
                #expect(answer == Array("hello".utf8))
                #expect(VirtualTime.now == .seconds(round))
            }
        }
    }

    @Test func `what a peer on the same loop sends is there before time jumps`() async throws {
        try await withVirtualTime {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn { try await Self.serve(listener) }
            try await Self.talk(listener)
            try await server.value
            await listener.close()
        }
    }

    @Test func `sockets under seeds`() async throws {
        try await withSeeds(100) { _ in
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn { try await Self.serve(listener) }
            try await Self.talk(listener)
            try await server.value
            await listener.close()
        }
    }

    @Test func `a peer on another thread is waited for while time is held`() async throws {
        let other = try EventLoop.start(name: "far", configuration: .quiet)
        try await withVirtualTime {
            let listener = try await other.run { try TCPListener.bind(to: .loopback(port: 0)) }
            let server = other.spawn {
                let stream = try await listener.accept()
                // Real time: longer than any cushion.
                try await sleep(for: .milliseconds(20))
                try await stream.write("hello")
                await stream.close()
                await listener.close()
            }
            let answer = try await withTimeout(.seconds(1)) {
                try await VirtualTime.hold {
                    try await TCPStream.withConnection(to: listener.localAddress) {
                        try await $0.read(upTo: 100)
                    }
                }
            }
            #expect(answer == Array("hello".utf8))
            try await VirtualTime.hold { try await server.value }
            #expect(VirtualTime.now == .zero)
        }
        try await other.shutdown()
    }

    @Test func `a read from a peer that says nothing runs dry`() async throws {
        let error = try await RanDryTests.ranDry {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn(name: "server") {
                let stream = try await listener.accept()
                defer { withExtendedLifetime(stream) {} }
                try await sleep(for: .seconds(3))
                try await AsyncSemaphore(0).acquire()
            }
            try await TCPStream.withConnection(to: listener.localAddress) {
                _ = try await $0.read(upTo: 100)
            }
            try await server.value
        }
        #expect(
            error.waits == [
                .init(task: "main", what: "TCPStream.read", since: .zero),
                .init(task: "server", what: "AsyncSemaphore.acquire", since: .seconds(3)),
            ])
    }
}
