import AsyncCoreTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// How a loop ends: tasks cancelled and awaited, waits failed, the rest run; and what comes too late.
@Suite(.watched)
struct StopTests {
    @Test func `clean-up works before waits fail, and both before the loop ends (S393 H9)`()
        async throws
    {
        let order = Recorder<String>()
        try await onLoop {
            startUnknownTask {
                do { try await sleep(for: .hour) } catch { order.append("unknown: \(error)") }
            }
            spawn {
                do { try await sleep(for: .hour) } catch { order.append("spawned: \(error)") }
                // Operations of a task that is not cancelled still work.
                let cleaning = startUnknownTask { try await sleep(for: .milliseconds(1)) }
                do { try await cleaning.value } catch { order.append("clean-up: \(error)") }
                order.append("cleaned up")
            }
            try await settle()
        }
        #expect(
            order.elements == [
                "spawned: CancellationError()", "cleaned up", "unknown: \(EventLoopError.stopped)",
            ])
    }

    @Test func `waiting reads, writes and accepts fail as stopped (S393)`() async throws {
        let ended = Recorder<String>()
        let expected = EventLoopError.stopped
        let held = Recorder<TCPStream>()  // Else the body's end would close the far end.
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn { try await listener.accept() }
            let near = try await TCPStream.connect(to: listener.localAddress)
            held.append(try await server.value)
            let waits: [(String, @Sendable () async throws -> Void)] = [
                ("accept", { _ = try await listener.accept() }),
                ("read", { _ = try await near.read(upTo: 10) }),
                (
                    "write",
                    {
                        while true { try await near.write([UInt8](repeating: 0, count: 1 << 20)) }
                    }
                ),
                ("sleep", { try await sleep(for: .hour) }),
            ]
            for (name, wait) in waits {
                startUnknownTask {
                    do { try await wait() } catch EventLoopError.stopped {
                        ended.append(name)
                    }
                    // Also what begins to wait during the stop.
                    await #expect(throws: expected) { try await wait() }
                }
            }
            try await settle(200)
        }
        #expect(ended.elements.sorted() == ["accept", "read", "sleep", "write"])
        #expect(held.count == 1)
    }

    @Test func `waits of spawned tasks end in their cancellation (S393 S382)`() async throws {
        let ended = Recorder<String>()
        try await onLoop {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            spawn {
                do { _ = try await listener.accept() } catch { ended.append("\(error)") }
                await listener.close()
            }
            try await settle()
        }
        #expect(ended.elements == ["CancellationError()"])
    }

    @Test func `nothing can be registered with a loop that has stopped (S392 S404)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        try await loop.shutdown()
        let executor = loop.taskExecutor
        let refused = await Task(executorPreference: executor) {
            #expect(throws: EventLoopError.stopped) {
                try TCPListener.bind(to: .loopback(port: 0))
            }
            await #expect(throws: EventLoopError.stopped) { try await sleep(for: .hour) }
            await #expect(throws: EventLoopError.stopped) { try await sleep(for: .zero) }
            await #expect(throws: EventLoopError.stopped) { try await yield() }
            await #expect(throws: EventLoopError.stopped) {
                try await TCPStream.connect(to: .loopback(port: 9))
            }
            return true
        }.value
        #expect(refused)
    }

    @Test func `a call into a loop that has ended fails definitely, and runs all the same (S404)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        try await loop.shutdown()
        await #expect(throws: CancellationError.self) {
            try await loop.run { try await sleep(for: .hour) }
        }
        #expect(await loop.spawn { Task.isCancelled }.value)
        #expect(throws: EventLoopError.stopped) { try loop.runReady() }
    }

    @Test func `a stream of a loop that has ended fails as stopped, and closes (S404 S393)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let listener = try await loop.run { try TCPListener.bind(to: .loopback(port: 0)) }
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await listener.accept() }
        await listener.close()
    }

    @Test func `jobs after the end run, one at a time, and none is lost (H9)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        try await loop.shutdown()
        let before = LateJobs.count
        let executor = loop.taskExecutor
        let running = Running()
        let order = Recorder<Int>()
        let tasks = (0..<1_000).map { number in
            Task(executorPreference: executor) {
                #expect(running.enter() == 1)
                order.append(number)
                #expect(running.leave() == 0)
            }
        }
        for task in tasks { await task.value }
        #expect(order.elements == Array(0..<1_000))
        #expect(LateJobs.count - before >= 999)
    }

    @Test func `a task that another thread resumes after the end goes on (H9 H2)`() async throws {
        let parked = Recorder<UnsafeContinuation<Int, Never>>()
        let loop = try EventLoop.start(configuration: .quiet)
        let executor = loop.taskExecutor
        let task = Task(executorPreference: executor) {
            let value = await withUnsafeContinuation { parked.append($0) }
            await #expect(throws: EventLoopError.stopped) { try await yield() }
            return value
        }
        while parked.count == 0 { await Task.yield() }
        try await loop.shutdown()
        parked.elements[0].resume(returning: 5)
        #expect(await task.value == 5)
    }

    @Test func `thousands of tasks resumed while the loop stops: none is lost (H9 H8)`()
        async throws
    {
        for round in 0..<5 {
            let count = 2_000
            let loop = try EventLoop.start(configuration: .quiet)
            let executor = loop.taskExecutor
            let parked = Recorder<UnsafeContinuation<Void, Never>>()
            let ended = Recorder<Int>()
            let tasks = (0..<count).map { number in
                Task(executorPreference: executor) {
                    await withUnsafeContinuation { parked.append($0) }
                    await Task.yield()
                    ended.append(number)
                }
            }
            while parked.count < count { await Task.yield() }
            let continuations = parked.elements
            try await onThread {
                try onThreads(4) { number in
                    if number == 3 { return loop.stop() }
                    for index in stride(from: number, to: count, by: 3) {
                        // The stop comes at another place in each round.
                        if index == round * 300 { sched_yield() }
                        continuations[index].resume()
                    }
                }
            }
            for task in tasks { await task.value }
            #expect(ended.elements.sorted() == Array(0..<count))
            try await loop.shutdown()
        }
    }

    @Test func `tasks spawned from other threads while the loop stops all end (H9)`() async throws {
        for _ in 0..<10 {
            let loop = try EventLoop.start(configuration: .quiet)
            let handles = Recorder<TaskHandle<Int, any Error>>()
            try await onThread {
                try onThreads(4) { number in
                    if number == 3 { return loop.stop() }
                    for _ in 0..<300 {
                        handles.append(
                            loop.spawn {
                                try await settle(2); return 1
                            })
                    }
                }
            }
            for handle in handles.elements {
                switch await handle.result {
                case .success(let value): #expect(value == 1)
                case .failure(let error):
                    #expect(error is CancellationError || error as? EventLoopError == .stopped)
                }
            }
            try await loop.shutdown()
        }
    }
}

/// How many run at the same time.
private final class Running: Sendable {
    private let count = Atomic<Int>(0)

    func enter() -> Int { count.add(1, ordering: .relaxed).newValue }
    func leave() -> Int { count.subtract(1, ordering: .relaxed).newValue }
}
