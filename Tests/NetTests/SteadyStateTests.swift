import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// What a connection costs while nothing unusual happens.
@Suite(.watched)
struct SteadyStateTests {
    @Test
    func `a round trip costs one recv, one send, one wait, and nothing else (I5)`()
        async throws
    {
        let server = try EventLoop.start(name: "server", configuration: .quiet)
        try await onLoop {
            let listener = try await server.run { try TCPListener.bind(to: .loopback(port: 0)) }
            let costs = server.spawn {
                let stream = try await listener.accept()
                let costs = try await stream.withConnection { try await measuredEcho($0, 10, 210) }
                await listener.close()
                return costs
            }
            try await TCPStream.withConnection(to: listener.localAddress) { stream in
                for _ in 0..<210 {
                    try await stream.write("ping")
                    #expect(try await stream.read(upTo: 100) == Array("ping".utf8))
                }
            }
            let (before, after) = try await costs.value
            #expect(after.receives - before.receives == 200)
            #expect(after.sends - before.sends == 200)
            #expect(after.polls - before.polls == 200)
            #expect(after.waits - before.waits == 200)
            #expect(after.events - before.events == 200)
            #expect(after.jobs - before.jobs == 200)
            #expect(after.localEnqueues - before.localEnqueues == 200)
            #expect(after.controlCalls == before.controlCalls)
            #expect(after.remoteEnqueues == before.remoteEnqueues)
            #expect(after.wakeUps == before.wakeUps)
            #expect(after.spuriousTurns == before.spuriousTurns)
        }
        try await server.shutdown()
    }

    @Test func `many connections share the waits (I5)`() async throws {
        try await onLoop {
            let pairs = try await makePairs(50)
            let echoes = pairs.map { pair in spawn { try await pair.far.echo() } }
            for pair in pairs { try await pair.near.write("warm") }
            for pair in pairs { #expect(try await pair.near.read(upTo: 100)?.count == 4) }
            try await settle()
            let before = currentLoop.statistics
            for pair in pairs { try await pair.near.write("ping") }
            for pair in pairs { #expect(try await pair.near.read(upTo: 100)?.count == 4) }
            let after = currentLoop.statistics
            #expect(after.receives - before.receives == 100)
            #expect(after.sends - before.sends == 100)
            #expect(after.polls - before.polls < 50)
            #expect(after.controlCalls == before.controlCalls)
            #expect(after.remoteEnqueues == before.remoteEnqueues)
            for pair in pairs { await pair.near.close() }
            for echo in echoes { try await echo.value }
            for pair in pairs { await pair.far.close() }
        }
    }

    @Test func `an idle connection and an idle listener wake nobody (I5, S471)`() async throws {
        let server = try EventLoop.start(name: "server", configuration: .quiet)
        try await onLoop {
            let listener = try await server.run { try TCPListener.bind(to: .loopback(port: 0)) }
            let acceptor = server.spawn {
                try await listener.accept().withConnection { try await $0.echo() }
                _ = try await listener.accept()
            }
            try await TCPStream.withConnection(to: listener.localAddress) { stream in
                try await stream.write("ping")
                #expect(try await stream.read(upTo: 100) == Array("ping".utf8))
                let before = try await server.run { server.statistics }
                // Whatever would wake the server has time to do so.
                try await sleep(for: .milliseconds(50))
                let after = try await server.run { server.statistics }
                // The one that brought the question.
                #expect(after.wakeUps - before.wakeUps <= 1)
                #expect(after.waits - before.waits <= 2)
                #expect(after.events == before.events)
                #expect(after.spuriousTurns == before.spuriousTurns)
                #expect(after.controlCalls == before.controlCalls)
            }
            await listener.close()
            #expect(await acceptor.result.ioCode == .closed)
        }
        try await server.shutdown()
    }

    @Test func `a registration costs two calls of epoll_ctl, and a wait none (I5)`() async throws {
        try await onLoop {
            let before = currentLoop.statistics.controlCalls
            let (near, far) = try await makePair()
            for _ in 0..<20 {
                let reader = spawn { try await far.read(upTo: 1) }
                try await settle()
                reader.cancel()
                #expect(await reader.result.isCancelled)
            }
            await near.close()
            await far.close()
            // A listener, and two ends: each joins the set, and leaves it.
            #expect(currentLoop.statistics.controlCalls - before == 6)
        }
    }
}

/// Echoes; takes the counters after the message with number `first` was answered, and with `last`.
private func measuredEcho(
    _ stream: TCPStream, _ first: Int, _ last: Int
) async throws -> (EventLoop.Statistics, EventLoop.Statistics) {
    var before: EventLoop.Statistics?
    var number = 0
    while let bytes = try await stream.read(upTo: 1_000) {
        try await stream.write(bytes)
        number += 1
        if number == first { before = currentLoop.statistics }
        if number == last { return (before!, currentLoop.statistics) }
    }
    throw IOError(.closed, operation: "measure")
}

/// Many connections at once.
func makePairs(_ count: Int) async throws -> [(near: TCPStream, far: TCPStream)] {
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    var pairs: [(near: TCPStream, far: TCPStream)] = []
    for _ in 0..<count {
        let near = try await TCPStream.connect(to: listener.localAddress)
        pairs.append((near, try await listener.accept()))
    }
    await listener.close()
    return pairs
}
