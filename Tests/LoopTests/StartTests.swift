import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// A loop on a thread of its own.
@Suite(.watched)
struct StartTests {
    struct Failure: Error, Equatable {}

    @Test func `a started loop runs until it is stopped, held or not`() async throws {
        let executor = try EventLoop.start(configuration: .quiet).taskExecutor
        for number in 0..<50 {
            let seen = await Task(executorPreference: executor) {
                EventLoop.current != nil ? number : -1
            }.value
            #expect(seen == number)
        }
        let loop = try #require(
            await Task(executorPreference: executor) { EventLoop.current }.value)
        #expect(!loop.isStopping)
        try await loop.shutdown()
        #expect(loop.isStopping && loop.isStopped)
    }

    @Test func `its thread has the given name, cut to what the kernel keeps`() async throws {
        let names = ["short": "short", "a name that is much too long": "a name that is "]
        for (name, expected) in names {
            let loop = try EventLoop.start(name: name, configuration: .quiet)
            let seen = try await loop.run {
                let file = try #require(fopen("/proc/thread-self/comm", "r"))
                defer { fclose(file) }
                var name = ""
                while case let byte = fgetc(file), byte > 10 {
                    name.append(Character(Unicode.Scalar(UInt8(byte))))
                }
                return name
            }
            #expect(seen == expected)
            try await loop.shutdown()
        }
    }

    @Test func `run gives the value, or the error, back to the caller where it was`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let home = currentLoop
            let seen = try await other.run { EventLoop.current === other }
            #expect(seen)
            #expect(home.isCurrent)
            await #expect(throws: Failure()) { try await other.run { throw Failure() } }
            #expect(home.isCurrent)
        }
        try await other.shutdown()
    }

    @Test func `cancelling a run from elsewhere cancels its body, and waits for it`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let order = Recorder<String>()
            let task = spawn {
                defer { order.append("caller") }
                try await other.run {
                    order.append("begun")
                    do { try await sleep(for: .hour) } catch { order.append("\(error)") }
                    await Task { for _ in 0..<5 { await Task.yield() } }.value
                    order.append("body")
                }
            }
            try await until { order.count == 1 }
            task.cancel()
            try await task.value
            #expect(order.elements == ["begun", "CancellationError()", "body", "caller"])
        }
        try await other.shutdown()
    }

    @Test func `a run of a cancelled task begins cancelled`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let task = spawn {
                withUnsafeCurrentTask { $0?.cancel() }
                try await other.run { try await sleep(for: .hour) }
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        try await other.shutdown()
    }

    @Test func `two loops that call into each other do not deadlock`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let depth = try await loops[0].run {
            try await loops[1].run {
                try await loops[0].run {
                    try await loops[1].run {
                        try await settle(); return 4
                    }
                }
            }
        }
        #expect(depth == 4)
        for loop in loops { try await loop.shutdown() }
    }
}
