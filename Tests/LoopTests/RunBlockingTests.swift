import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Async work for synchronous callers: S404, S408.
@Suite(.watched)
struct RunBlockingTests {
    struct Failure: Error, Equatable {}

    @Test func `a thread gets the value, or the error, of work on the loop`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        try await onThread {
            for number in 0..<50 {
                let value = try loop.runBlocking(name: "call") {
                    #expect(loop.isCurrent && Task.name == "call")
                    try await yield()
                    return number
                }
                #expect(value == number)
            }
            #expect(throws: Failure.self) { try loop.runBlocking { throw Failure() } }
            // A cancellation that is the body's own is an error like any other.
            #expect(throws: CancellationError.self) {
                try loop.runBlocking { throw CancellationError() }
            }
        }
        try await loop.shutdown()
    }

    @Test func `many threads may call at once`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let sums = Recorder<Int>()
        try await onThread {
            try onThreads(4) { number in
                var sum = 0
                for value in 0..<100 {
                    sum +=
                        (try? loop.runBlocking { () async throws -> Int in
                            try await yield()
                            return value
                        }) ?? 0
                }
                sums.append(sum)
            }
        }
        #expect(sums.elements == [4950, 4950, 4950, 4950])
        try await loop.shutdown()
    }

    @Test func `on the thread of a loop, its own or another's, it is refused (S408)`() async throws
    {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            for loop in [currentLoop, other] {
                #expect(throws: EventLoopError.wouldDeadlock) { try block(on: loop) }
            }
            #expect(throws: EventLoopError.wouldDeadlock) {
                try block(on: currentLoop)
            }
            let text = EventLoopError.wouldDeadlock.description
            #expect(text.contains("wait"))
        }
        try await other.shutdown()
    }

    @Test func `a loop that has ended is an error, also for one who waits (S404)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let began = ThreadGate()
        let waiting = Recorder<String>()
        let thread = Task {
            try await onThread {
                do {
                    try loop.runBlocking {
                        began.open()
                        try await sleep(for: .hour)
                    }
                } catch { waiting.append("\(error)") }
            }
        }
        try await onThread { began.wait() }
        try await loop.shutdown()
        try await thread.value
        #expect(waiting.elements == [EventLoopError.stopped.description])
        try await onThread {
            _ = #expect(throws: EventLoopError.stopped) { try block(on: loop) }
        }
    }

    @Test func `a loop that stops just now gives a value, or says that it has stopped (S404)`()
        async throws
    {
        for _ in 0..<100 {
            let loop = try EventLoop.start(configuration: .quiet)
            try await onThread {
                try onThreads(2) { number in
                    if number == 0 { return loop.stop() }
                    do { try loop.runBlocking { try await yield() } } catch {
                        #expect(error as? EventLoopError == .stopped)
                    }
                }
            }
            try await loop.shutdown()
        }
    }

    @Test func `a loop that a host drives on another thread`() async throws {
        try await onThread {
            let loop = try EventLoop(configuration: .quiet)
            let done = ThreadGate()
            let ran = Recorder<Int>()
            let returned = Recorder<Int>()
            try CurrentThread.start(name: "caller") {
                let value = try? loop.runBlocking { () async throws -> Int in
                    ran.append(1)
                    return 3
                }
                returned.append(value ?? 0)
                done.open()
            }
            let hasRun = try host(loop) { ran.count == 1 }
            #expect(hasRun)
            done.wait()
            #expect(returned.elements == [3])
            try finish(loop)
        }
    }
}

/// Async code cannot name the call itself.
private func block(on loop: EventLoop) throws { try loop.runBlocking {} }
