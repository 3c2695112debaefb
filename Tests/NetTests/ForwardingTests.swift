import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Streams and listeners used from outside of their loop.
@Suite(.watched)
struct ForwardingTests {
    @Test
    func `every operation works from another loop's tasks, and from no loop (I11)`() async throws {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        let body: @Sendable () async throws -> Void = {
            let listener = try await owner.run { try TCPListener.bind(to: .loopback(port: 0)) }
            let acceptor = Task { try await listener.accept() }
            let near = try await owner.run {
                try await TCPStream.connect(to: listener.localAddress)
            }
            let far = try await acceptor.value
            try await near.write("hello")
            #expect(try await far.read(upTo: 3) == Array("hel".utf8))
            var memory: [UInt8] = [0, 0, 0, 0]
            var span = memory.mutableSpan
            var bytes = span.mutableBytes
            #expect(try await far.read(into: &bytes) == 2)
            #expect(memory == Array("lo".utf8) + [0, 0])
            #expect(try await far.read(upTo: 0) == [])
            try await near.finishWriting()
            #expect(try await far.read(upTo: 3) == nil)
            #expect(await ioCode { try await near.write("x") } == .closed)
            await near.close()
            await far.close()
            await far.close()
            await listener.close()
            #expect(await ioCode { _ = try await listener.accept() } == .closed)
            #expect(await ioCode { _ = try await far.read(upTo: 3) } == .closed)
        }
        try await onLoop(body)
        try await body()
        #expect(try await owner.run { owner.statistics.watchedDescriptors } == 0)
        try await owner.shutdown()
    }

    @Test func `a forwarded operation runs on the owner's loop only (I11)`() async throws {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        try await onLoop {
            let (near, far) = try await owner.run { try await makePair() }
            let receives = currentLoop.statistics.receives
            try await near.write("x")
            #expect(try await far.read(upTo: 1) == Array("x".utf8))
            #expect(currentLoop.statistics.receives == receives)
            #expect(currentLoop.statistics.sends == 0)
            #expect(currentLoop.statistics.watchedDescriptors == 0)
            await near.close()
            await far.close()
        }
        try await owner.shutdown()
    }

    @Test
    func `a cancelled caller ends the forwarded read, and no byte is lost (S432, D17)`()
        async throws
    {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        try await onLoop {
            let (near, far) = try await owner.run { try await makePair() }
            for round in 0..<200 {
                let reader = spawn { try await far.read(upTo: 9) }
                for _ in 0..<round % 10 { try await yield() }
                try await near.write("x")
                reader.cancel()
                switch await reader.result {
                case .success(let bytes): #expect(bytes == Array("x".utf8))
                case .failure(let error):
                    #expect(error is CancellationError)
                    #expect(try await far.read(upTo: 9) == Array("x".utf8))
                }
            }
            await near.close()
            await far.close()
        }
        try await owner.shutdown()
    }

    @Test func `a close from elsewhere wakes the owner's reader (S417, S446, D22)`() async throws {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        try await onLoop {
            for _ in 0..<100 {
                let (near, far) = try await owner.run { try await makePair() }
                let reader = owner.spawn { try await far.read(upTo: 9) }
                await far.close()
                // The reader had begun, or finds it closed.
                #expect(await reader.result.ioCode == .closed)
                await near.close()
            }
        }
        #expect(try await owner.run { owner.statistics.watchedDescriptors } == 0)
        try await owner.shutdown()
    }

    @Test func `a read from elsewhere is busy while another one waits (S448)`() async throws {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        try await onLoop {
            let (near, far) = try await owner.run { try await makePair() }
            let reader = try await owner.run {
                let reader = spawn { try await far.read(upTo: 9) }
                try await settle()
                return reader
            }
            #expect(await ioCode { _ = try await far.read(upTo: 9) } == .busy)
            try await near.write("x")
            #expect(try await reader.value == Array("x".utf8))
            await near.close()
            await far.close()
        }
        try await owner.shutdown()
    }

    @Test
    func `streams that are lost on other threads are closed by their loop (I3)`() async throws {
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        for _ in 0..<50 {
            var pair: (near: TCPStream, far: TCPStream)? = try await owner.run {
                try await makePair()
            }
            #expect(pair != nil)
            pair = nil
        }
        #expect(try await owner.run { owner.statistics.watchedDescriptors } == 0)
        try await owner.shutdown()
    }

    @Test func `streams that are lost while their loop ends are closed once (I3)`() async throws {
        try await onThread {
            for _ in 0..<50 {
                let owner = try EventLoop.start(name: "owner", configuration: .quiet)
                let pairs = Guarded<[TCPStream]>([])
                owner.spawn {
                    let pair = try await makePair()
                    pairs.withLock { $0 = [pair.near, pair.far] }
                }
                while pairs.withLock({ $0.isEmpty }) { sched_yield() }
                owner.stop()
                pairs.withLock { $0 = [] }
                try owner.shutdownAndWait()
                #expect(owner.statistics.watchedDescriptors == 0)
            }
        }
    }
}
