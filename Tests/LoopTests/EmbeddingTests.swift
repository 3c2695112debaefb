import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// A loop inside somebody else's, which here is poll(2).
@Suite(.watched)
struct EmbeddingTests {
    @Test func `a host runs tasks, timers and sockets through one descriptor (S395)`() async throws
    {
        let finished = Recorder<[UInt8]>()
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            loop.spawn {
                let listener = try TCPListener.bind(to: .loopback(port: 0))
                let server = spawn {
                    try await listener.accept().withConnection { stream in
                        let bytes = try await stream.read(upTo: 10) ?? []
                        try await sleep(for: .milliseconds(2))
                        try await stream.write(bytes)
                    }
                }
                try await TCPStream.withConnection(to: listener.localAddress) { stream in
                    try await stream.write("hello")
                    finished.append(try await stream.read(upTo: 10) ?? [])
                }
                try await server.value
                await listener.close()
            }
            #expect(try host(loop) { finished.count == 1 })
            try finish(loop)
        }
        #expect(finished.elements == [Array("hello".utf8)])
    }

    @Test func `the descriptor is readable if, and only if, there is something to do (S395)`()
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            try loop.runReady()
            #expect(!isReadable(loop.pollableDescriptor))
            for _ in 0..<10 {
                let ran = Recorder<Int>()
                loop.spawn { ran.append(1) }
                #expect(isReadable(loop.pollableDescriptor))
                #expect(try loop.runReady() >= 1)
                #expect(ran.count == 1)
                #expect(!isReadable(loop.pollableDescriptor))
            }
            try finish(loop)
        }
    }

    @Test func `what came before the first run makes the descriptor readable (S395)`() async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            #expect(!isReadable(loop.pollableDescriptor))
            let ran = Recorder<Int>()
            loop.spawn { ran.append(1) }
            #expect(isReadable(loop.pollableDescriptor))
            try loop.runReady()
            #expect(ran.count == 1)
            try finish(loop)
        }
    }

    @Test func `the host can wake a task directly, and end its wait (S395)`() async throws {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let semaphore = try AsyncSemaphore(0)
            let got = Recorder<String>()
            loop.spawn {
                try await semaphore.acquire()
                got.append("permit")
            }
            let sleeper = loop.spawn {
                do { try await sleep(for: .hour) } catch { got.append("\(error)") }
            }
            try loop.runReady()
            #expect(got.count == 0)
            try semaphore.release()
            #expect(try host(loop) { got.count == 1 })
            sleeper.cancel()
            #expect(try host(loop) { got.count == 2 })
            #expect(got.elements == ["permit", "CancellationError()"])
            try finish(loop)
        }
    }

    @Test func `the descriptor becomes readable for deadlines, earlier ones included (S395)`()
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let ended = Recorder<String>()
            loop.spawn {
                try? await sleep(for: .hour)
            }
            try loop.runReady()
            let far = try #require(loop.nextDeadline)
            #expect(far > .now + .seconds(3_000))
            loop.spawn { try await sleep(for: .seconds(1_800)) }
            try loop.runReady()
            #expect(try #require(loop.nextDeadline) < far)
            loop.spawn {
                try await sleep(for: .milliseconds(2))
                ended.append("slept")
            }
            try loop.runReady()
            #expect(try host(loop) { ended.count == 1 })
            #expect(!isReadable(loop.pollableDescriptor))
            try finish(loop)
            #expect(loop.nextDeadline == nil)
        }
    }

    @Test func `jobs from other threads are seen by a host that waits in poll (S395 S367)`()
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let ran = Recorder<Int>()
            try loop.runReady()
            for thread in 0..<4 {
                try CurrentThread.start(name: "sender") {
                    for number in 0..<200 { loop.spawn { ran.append(thread * 200 + number) } }
                }
            }
            #expect(try host(loop) { ran.count == 800 })
            #expect(ran.elements.sorted() == Array(0..<800))
            try finish(loop)
        }
    }

    @Test(arguments: [1, 2, 7, 1_000])
    func `no more than maxJobs run in a call, and the rest is not forgotten (S395)`(maxJobs: Int)
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let ran = Recorder<Int>()
            try loop.runReady()
            for number in 0..<100 { loop.spawn { ran.append(number) } }
            var calls = 0
            while ran.count < 100 {
                #expect(isReadable(loop.pollableDescriptor))
                let before = ran.count
                let jobs = try loop.runReady(maxJobs: maxJobs)
                #expect(jobs <= maxJobs)
                #expect(ran.count - before <= maxJobs)
                calls += 1
            }
            #expect(calls == (100 + maxJobs - 1) / maxJobs)
            try finish(loop)
        }
    }

    @Test(arguments: [1, 1_000])
    func `stop is carried through by the host, and isStopped tells the end (S395)`(maxJobs: Int)
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let ended = Recorder<String>()
            loop.spawn {
                do { try await sleep(for: .hour) } catch { ended.append("\(error)") }
                await Task { for _ in 0..<10 { try? await yield() } }.value
                ended.append("cleaned up")
            }
            try loop.runReady()
            loop.stop()
            #expect(loop.isStopping)
            #expect(!loop.isStopped)
            #expect(try host(loop, maxJobs: maxJobs) { loop.isStopped })
            #expect(ended.elements == ["CancellationError()", "cleaned up"])
            #expect(throws: EventLoopError.stopped) { try loop.runReady() }
        }
    }

    @Test func `a loop stopped before its first turn runs what it was given, cancelled (S351)`()
        async throws
    {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let seen = Recorder<Bool>()
            loop.spawn { seen.append(Task.isCancelled) }
            loop.stop()
            #expect(isReadable(loop.pollableDescriptor))
            #expect(try host(loop) { loop.isStopped })
            #expect(seen.elements == [true])
        }
    }

    @Test func `the calls may come from different threads (S395)`() async throws {
        let loop = try EventLoop(configuration: .quiet)
        let threads = Recorder<UInt>()
        loop.spawn {
            for _ in 0..<10 {
                threads.append(CurrentThread.identity)
                try await yield()
            }
        }
        for _ in 0..<5 {
            try await onThread {
                try loop.runReady(maxJobs: 2)
                #expect(threads.elements.last == CurrentThread.identity)
            }
        }
        #expect(threads.count == 10)
        try await onThread { try finish(loop) }
    }

    @Test func `a host's two loops on one thread work side by side`() async throws {
        try await onThread {
            let loops = try (0..<2).map { _ in try EventLoop(configuration: .quiet) }
            let sum = Recorder<Int>()
            loops[0].spawn {
                for _ in 0..<20 { sum.append(try await loops[1].run { 1 }) }
            }
            while sum.count < 20 { for loop in loops { try loop.runReady() } }
            for loop in loops { try finish(loop) }
        }
    }
}
