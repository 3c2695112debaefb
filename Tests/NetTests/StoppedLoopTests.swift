import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What the end of the loop means for its streams and listeners.
@Suite(.watched)
struct StoppedLoopTests {
    @Test func `a socket made elsewhere whose loop stops before it is watched is closed (I3)`()
        async throws
    {
        try await onThread {
            var ends: [CInt] = [-1, -1]
            #expect(script_pipe(&ends) == 0)
            let loop = try EventLoop(configuration: .quiet)
            let core = loop.core
            // The calling thread does not run the loop, so this comes to it by its inbox.
            let socket = try SocketCore(ends[1], core: core)
            core.own {
                core.stopOperations()
                core.turn(mayWait: false, maxJobs: 100)
                #expect(core.poller.watchCount == 0)
                #expect(!socket.isOpen)
                #expect(core.abandon())
            }
            var byte: UInt8 = 0
            while read(ends[0], &byte, 1) != 0 { sched_yield() }  // Until nobody has the other end.
            close(ends[0])
        }
    }

    @Test func `tasks of the loop that wait are cancelled by its end (I11)`() async throws {
        let ends = Recorder<Bool>()
        let far = try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let (near, far) = try await makePair()
            near.shrinkBuffer()
            let tasks = [
                spawn { _ = try await near.read(upTo: 1) },
                spawn { try await near.write(pattern(1_000_000)) },
                spawn { _ = try await listener.accept() },
            ]
            for task in tasks { spawn { ends.append(await task.result.isCancelled) } }
            try await settle()
            return far
        }
        await far.close()
        #expect(ends.elements == [true, true, true])
    }

    @Test
    func `whoever else waits learns that the loop has stopped, and new calls do (I11)`()
        async throws
    {
        let left = try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let (near, far) = try await makePair()
            let idle = try await makePair()
            let idleListener = try TCPListener.bind(to: .loopback(port: 0))
            near.shrinkBuffer()
            let address = listener.localAddress
            let tasks = [
                startUnknownTask { _ = try await near.read(upTo: 1) },
                startUnknownTask { try await near.write(pattern(1_000_000)) },
                startUnknownTask { _ = try await listener.accept() },
                startUnknownTask {
                    _ = try? await idle.near.read(upTo: 1)
                    // Still on the loop, which now runs what is left.
                    #expect(EventLoop.current != nil)
                    await expectStopped { _ = try TCPListener.bind(to: address) }
                    await expectStopped { _ = try await TCPStream.connect(to: address) }
                    await expectStopped { _ = try await far.read(upTo: 1) }
                    await expectStopped { try await far.write("x") }
                    await expectStopped { _ = try await idleListener.accept() }
                    await far.close()
                    throw EventLoopError.stopped
                },
            ]
            try await settle()
            return (tasks: tasks, stream: near, listener: listener)
        }
        for task in left.tasks { #expect(await task.result.isStopped) }
        // The loop has parked: from elsewhere.
        await expectStopped { _ = try await left.stream.read(upTo: 1) }
        await expectStopped { try await left.stream.write("x") }
        await expectStopped { try await left.stream.finishWriting() }
        await expectStopped { _ = try await left.listener.accept() }
        await left.stream.close()
        await left.listener.close()
    }

    @Test func `a connect on its way learns that the loop has stopped (I11, S444)`() async throws {
        let task = try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0), backlog: 0)
            let address = listener.localAddress
            let first = try await TCPStream.connect(to: address)
            let task = startUnknownTask { _ = try await TCPStream.connect(to: address) }
            try await settle()
            await first.close()
            return task
        }
        #expect(await task.result.isStopped)
    }

    @Test
    func `the clean-up of a cancelled task can still use its connection (I11)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let client = try await TCPStream.connect(to: listener.localAddress)
            let far = try await listener.accept()
            spawn {
                _ = try? await client.read(upTo: 1)
                try await client.finishWriting()
                await client.close()
            }
            startUnknownTask {
                let rest = try await far.read(upTo: 1)
                #expect(rest == nil)
                await far.close()
                await listener.close()
            }
            try await settle()
        }
    }

    @Test func `the loop's end closes every descriptor (I3)`() async throws {
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            var streams: [TCPStream] = []
            for _ in 0..<20 {
                streams.append(try await TCPStream.connect(to: listener.localAddress))
                streams.append(try await listener.accept())
            }
            #expect(currentLoop.statistics.watchedDescriptors == 41)
        }
    }
}

private func expectStopped(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: nonisolated(nonsending) () async throws -> Void
) async {
    await #expect(throws: EventLoopError.stopped, sourceLocation: sourceLocation) {
        try await body()
    }
}
