import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Servers, their limits and their end: S553 to S557, J5.
@Suite(.watched)
struct TCPServerTests {
    private typealias Handler = @Sendable (TCPStream) async throws -> Void

    private static let echo: Handler = { stream in try await stream.echo() }

    private static func configuration(
        _ errors: Recorder<String> = Recorder(),
        _ change: (inout TCPServer.Configuration) -> Void = { _ in }
    ) -> TCPServer.Configuration {
        var configuration = TCPServer.Configuration()
        configuration.onError = { error, _ in errors.append("\(error)") }
        change(&configuration)
        return configuration
    }

    /// Runs `body` beside a server, and ends the server without grace if `body` has not.
    private static func withServing(
        _ configuration: TCPServer.Configuration = configuration(),
        _ handler: @escaping Handler = echo,
        _ body:
            @escaping @Sendable (TCPServer, _ serving: TaskHandle<Void, any Error>) async throws
            -> Void
    ) async throws {
        try await onLoop {
            let server = TCPServer(
                try TCPListener.bind(to: .loopback(port: 0)), configuration: configuration)
            let serving = spawn { try await server.serve(handler) }
            try await body(server, serving)
            try await server.shutdown(grace: .zero)
            _ = await serving.result
            #expect(server.statistics.active == 0)
        }
    }

    private static func ask(_ server: TCPServer, _ text: String) async throws -> String {
        try await TCPStream.withConnection(to: server.listener.localAddress) { stream in
            try await stream.write(text)
            try await stream.finishWriting()
            return String(decoding: try await stream.readAll(), as: UTF8.self)
        }
    }

    /// Connects, and waits until the server has that many connections.
    private static func connect(_ server: TCPServer, active: Int) async throws -> TCPStream {
        let stream = try await TCPStream.connect(to: server.listener.localAddress)
        while server.statistics.active < active { try await yield() }
        return stream
    }

    @Test func `each connection has a task, which all run at once`() async throws {
        try await Self.withServing { server, _ in
            let answers = try await gather(0..<50) { try await Self.ask(server, "number \($0)") }
            #expect(answers == (0..<50).map { "number \($0)" })
            while server.statistics.active > 0 { try await yield() }
            #expect(
                server.statistics
                    == .init(active: 0, accepted: 50, refused: 0, failed: 0))
        }
    }

    @Test func `an error of a handler ends its connection alone, and is reported (S552)`()
        async throws
    {
        struct Odd: Error {}
        let errors = Recorder<String>()
        try await Self.withServing(Self.configuration(errors)) { stream in
            guard let bytes = try await stream.read(upTo: 64) else { return }
            if bytes == Array("odd".utf8) { throw Odd() }
            try await stream.write(bytes)
        } _: { server, serving in
            #expect(try await Self.ask(server, "odd") == "")
            #expect(try await Self.ask(server, "even") == "even")
            #expect(errors.elements == ["Odd()"])
            while server.statistics.active > 0 { try await yield() }
            #expect(server.statistics.failed == 1)
            #expect(!serving.isFinished)
        }
    }

    @Test
    func `stopping to accept leaves connections alone, and then the server ends (S557, S553)`()
        async throws
    {
        try await Self.withServing { server, serving in
            let ended = spawn { try await server.waitUntilEnded() }
            let stream = try await Self.connect(server, active: 1)
            await server.stopAccepting()
            let code = try await connectCodeOnceReleased(server.listener.localAddress)
            #expect(code == .connectionRefused)
            try await stream.write("still there")
            #expect(try await stream.read(exactly: 11) == Array("still there".utf8))
            try await settle()
            #expect(!serving.isFinished && !ended.isFinished)
            await stream.close()
            try await serving.value
            try await ended.value
        }
    }

    @Test func `within the grace handlers end by themselves (S554)`() async throws {
        try await Self.withServing { server, serving in
            let streams = [
                try await Self.connect(server, active: 1),
                try await Self.connect(server, active: 2),
            ]
            let ending = spawn { try await server.shutdown(grace: .hour) }
            try await settle()
            #expect(!ending.isFinished)
            // The last two end in the same turn.
            for stream in streams { await stream.close() }
            #expect(try await ending.value == .init(finished: 2, aborted: 0))
            try await serving.value
        }
    }

    @Test func `after the grace handlers are cancelled, and their connections closed`() async throws
    {
        try await Self.withServing(Self.configuration()) { stream in
            // Ignores that it is cancelled, and waits for what does not come.
            await withShield { _ = try? await stream.read(upTo: 1) }
        } _: { server, serving in
            let stream = try await Self.connect(server, active: 1)
            #expect(
                try await server.shutdown(grace: .milliseconds(1))
                    == .init(finished: 0, aborted: 1))
            try await serving.value
            #expect(try await stream.readAll() == [])
            await stream.close()
        }
    }

    @Test func `a handler that sleeps is cancelled at the end, and that is no error`() async throws
    {
        let errors = Recorder<String>()
        try await Self.withServing(Self.configuration(errors)) { _ in
            try await sleep(for: .hour)
        } _: { server, serving in
            let stream = try await Self.connect(server, active: 1)
            #expect(try await server.shutdown(grace: .zero).aborted == 1)
            try await serving.value
            #expect(errors.count == 0)
            await stream.close()
        }
    }

    @Test func `cancelling the server closes the listener, and cancels the handlers (S556)`()
        async throws
    {
        try await Self.withServing { server, serving in
            let stream = try await Self.connect(server, active: 1)
            serving.cancel()
            await #expect(throws: CancellationError.self) { try await serving.value }
            #expect(try await stream.readAll() == [])
            let code = try await connectCodeOnceReleased(server.listener.localAddress)
            #expect(code == .connectionRefused)
            #expect(await ioCode { try await server.serve(Self.echo) } == .closed)
            await stream.close()
        }
    }

    @Test func `beyond the limit connections wait for their turn (J5)`() async throws {
        try await Self.withServing(Self.configuration { $0.maximumConnections = 2 }) {
            server, _ in
            let first = [
                try await Self.connect(server, active: 1),
                try await Self.connect(server, active: 2),
            ]
            let third = spawn { try await Self.ask(server, "third") }
            try await settle()
            #expect(server.statistics.active == 2 && !third.isFinished)
            await first[0].close()
            #expect(try await third.value == "third")
            await first[1].close()
        }
    }

    @Test func `or they are refused, if that is asked for, and counted (J5)`() async throws {
        let configuration = Self.configuration {
            $0.maximumConnections = 2
            $0.overload = .refuse
        }
        try await Self.withServing(configuration) { server, _ in
            let first = [
                try await Self.connect(server, active: 1),
                try await Self.connect(server, active: 2),
            ]
            for _ in 0..<3 {
                let stream = try await TCPStream.connect(to: server.listener.localAddress)
                #expect(try await stream.readAll() == [])
                await stream.close()
            }
            #expect(server.statistics.refused == 3)
            await first[0].close()
            while server.statistics.active > 1 { try await yield() }
            let next = try await Self.connect(server, active: 2)
            await next.close()
            await first[1].close()
        }
    }

    @Test func `one peer may have so many connections, and no more`() async throws {
        try await Self.withServing(Self.configuration { $0.maximumConnectionsPerPeer = 1 }) {
            server, _ in
            let first = try await Self.connect(server, active: 1)
            let second = try await TCPStream.connect(to: server.listener.localAddress)
            #expect(try await second.readAll() == [])
            await second.close()
            await first.close()
            while server.statistics.active > 0 { try await yield() }
            #expect(try await Self.ask(server, "again") == "again")
            #expect(server.statistics.refused == 1)
        }
    }

    @Test func `the scoped form ends with its body, and waits for handlers (S553)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let answer = try await withServer(
                listener, configuration: Self.configuration(), Self.echo
            ) { server in
                try await Self.ask(server, "hello")
            }
            #expect(answer == "hello")
            let code = try await connectCodeOnceReleased(listener.localAddress)
            #expect(code == .connectionRefused)
        }
    }

    @Test func `an error of the scoped form's body ends the server, and is thrown`() async throws {
        struct Odd: Error {}
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            await #expect(throws: Odd.self) {
                try await withServer(
                    listener, configuration: Self.configuration(), grace: .zero, Self.echo
                ) { server in
                    _ = try await Self.connect(server, active: 1)
                    throw Odd()
                }
            }
        }
    }

    @Test func `a shutdown whose caller is cancelled gives no more grace`() async throws {
        try await Self.withServing { server, serving in
            let stream = try await Self.connect(server, active: 1)
            let ending = spawn { try await server.shutdown(grace: .hour) }
            try await settle()
            ending.cancel()
            await #expect(throws: CancellationError.self) { try await ending.value }
            try await serving.value
            await stream.close()
        }
    }

    @Test func `the loop's end ends the server`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let server = try await loop.run {
            TCPServer(
                try TCPListener.bind(to: .loopback(port: 0)), configuration: Self.configuration())
        }
        let serving = loop.spawn { try await server.serve(Self.echo) }
        let stream = try await loop.run { try await Self.connect(server, active: 1) }
        try await loop.shutdown()
        await #expect(throws: CancellationError.self) { try await serving.value }
        #expect(server.statistics.active == 0)
        _ = stream
    }

    @Test func `a connection that is accepted as the server ends is neither served nor forgotten`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                var state = ServerState()
                // Aborted after it was added, and before its task was known.
                let added = state.add(near, maximumPerPeer: nil)
                let key = try #require(added)
                let (streams, _) = state.abort()
                #expect(streams.count == 1)
                let handler = spawn { () async throws in }
                let mustCancel = state.attach(handler, to: key)
                #expect(mustCancel)
                try await handler.value
                let wasAborted = state.remove(key, failed: true)
                #expect(wasAborted)
                // Accepted after the end has begun.
                state.takeNoMore()
                let late = state.add(far, maximumPerPeer: nil)
                #expect(late == nil)
                #expect(
                    state.statistics == .init(active: 0, accepted: 1, refused: 1, failed: 1))
            }
        }
    }
}
