import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AcceptTests {
    @Test
    func `an accepted socket does not block, and is not inherited (S441, H16)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                for stream in [near, far] {
                    #expect(fcntl(stream.descriptor, F_GETFL) & O_NONBLOCK != 0)
                    #expect(fcntl(stream.descriptor, F_GETFD) & FD_CLOEXEC != 0)
                }
                try await near.write("x")
                #expect(try await far.read(upTo: 1) == Array("x".utf8))
            }
        }
    }

    @Test func `one wake-up accepts all connections that wait (S460, S469, S470)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var clients: [TCPStream] = []
            for _ in 0..<100 {
                clients.append(try await TCPStream.connect(to: listener.localAddress))
            }
            try await settle()
            let waits = currentLoop.statistics.waits
            var ports: Set<Int> = []
            for _ in clients {
                let served = try await listener.accept()
                ports.insert(served.peerAddress.port)
                await served.close()
            }
            #expect(currentLoop.statistics.waits == waits)
            #expect(ports == Set(clients.map(\.localAddress.port)))
            #expect(listener.statistics.accepted == 100)
            for client in clients { await client.close() }
            await listener.close()
        }
    }

    @Test
    func `a connection costs one accept, and one look that finds nothing (S471)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let acceptor = spawn {
                for try await stream in listener { await stream.close() }
            }
            try await settle()
            #expect(script_count(SCRIPT_ACCEPT4) == 0)
            for number in 1...10 {
                let client = try await TCPStream.connect(to: listener.localAddress)
                try await settle()
                #expect(script_count(SCRIPT_ACCEPT4) == UInt64(2 * number))
                await client.close()
            }
            await listener.close()
            try await acceptor.value
        }
    }

    @Test
    func `a second accepting task is refused, and the first goes on (S410, S448)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let acceptor = spawn { try await listener.accept() }
            try await settle()
            #expect(await ioCode { _ = try await listener.accept() } == .busy)
            let client = try await TCPStream.connect(to: listener.localAddress)
            let served = try await acceptor.value
            #expect(served.peerAddress == client.localAddress)
            await served.close()
            await client.close()
            await listener.close()
        }
    }

    @Test func `a cancelled task accepts nothing; the next one does (S442, C10)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            let acceptor = spawn { try await listener.accept() }
            acceptor.cancel()
            #expect(await acceptor.result.isCancelled)
            await (try await listener.accept()).close()
            await client.close()
            await listener.close()
        }
    }

    @Test
    func `a cancellation loses no connection, before the event or after (C10)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            for turns in 0..<8 {
                let acceptor = spawn { try await listener.accept() }
                try await settle()
                let client = spawn { try await TCPStream.connect(to: listener.localAddress) }
                for _ in 0..<turns { try await yield() }
                acceptor.cancel()
                let served: TCPStream
                switch await acceptor.result {
                case .success(let stream): served = stream
                case .failure(let error):
                    #expect(error is CancellationError)
                    served = try await listener.accept()
                }
                #expect(served.peerAddress == (try await client.value).localAddress)
                await served.close()
                await (try await client.value).close()
            }
            #expect(listener.statistics.accepted == 8)
            await listener.close()
        }
    }

    @Test func `connections that nobody accepted are reset by the close (C7)`() async throws {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var clients: [TCPStream] = []
            for _ in 0..<20 {
                clients.append(try await TCPStream.connect(to: listener.localAddress))
            }
            await (try await listener.accept()).close()
            await listener.close()
            for client in clients.dropFirst() {
                #expect(await ioCode { _ = try await client.read(upTo: 1) } == .connectionReset)
            }
            #expect(try await clients[0].read(upTo: 1) == nil)
            for client in clients { await client.close() }
        }
    }

    @Test
    func `a close in the middle of a burst ends the sequence and loses nothing (C7)`() async throws
    {
        try await onScriptedLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let accepted = Recorder<TCPStream>()
            let acceptor = spawn {
                for try await stream in listener {
                    accepted.append(stream)
                    if accepted.count == 5 { await listener.close() }
                }
            }
            var clients: [TCPStream] = []
            while !acceptor.isFinished {
                guard let client = try? await TCPStream.connect(to: listener.localAddress) else {
                    break
                }
                clients.append(client)
            }
            try await acceptor.value
            #expect(accepted.count == 5)
            for stream in accepted.elements + clients { await stream.close() }
        }
    }

    @Test func `handlers outlive the listener (S472, S557)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn {
                for try await stream in listener {
                    spawn { try await stream.withConnection { try await $0.echo() } }
                }
            }
            let client = try await TCPStream.connect(to: listener.localAddress)
            try await client.write("a")
            #expect(try await client.read(upTo: 9) == Array("a".utf8))
            await listener.close()
            try await server.value
            try await client.write("b")
            #expect(try await client.read(upTo: 9) == Array("b".utf8))
            await client.close()
            try await settle()
        }
    }

    @Test func `the backlog is clamped to what the call takes (S479)`() async throws {
        try await onLoop {
            for backlog in [Int.max, Int.min, -1, 0] {
                let listener = try TCPListener.bind(to: .loopback(port: 0), backlog: backlog)
                await listener.close()
            }
        }
    }
}
