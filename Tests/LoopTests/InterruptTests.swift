import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Signals that end a run. Each test has a process of its own, as handlers belong to the process.
@Suite(.watched)
struct InterruptTests {
    @Test func `the first interrupt cancels the body, whose clean-up runs, and is thrown (S384)`()
        async
    {
        await #expect(processExitsWith: .success) {
            let order = Recorder<String>()
            await #expect(throws: EventLoopError.interrupted(.interrupt)) {
                try await onThread {
                    try EventLoop.run {
                        defer { order.append("clean-up") }
                        kill(getpid(), SIGINT)
                        do { try await sleep(for: .hour) } catch {
                            order.append("\(error)")
                            throw error
                        }
                    }
                }
            }
            #expect(order.elements == ["CancellationError()", "clean-up"])
            #expect(script_disposition(SIGINT) == 0)
        }
    }

    @Test func `an interrupt wakes a loop that sleeps in the kernel (S384)`() async {
        await #expect(processExitsWith: .success) {
            await #expect(throws: EventLoopError.interrupted(.interrupt)) {
                try await onThread {
                    try EventLoop.run {
                        let loop = currentLoop
                        let waits = loop.statistics.waits
                        // Sent by a thread while the loop waits, or just before.
                        try CurrentThread.start(name: "killer") { kill(getpid(), SIGINT) }
                        defer { #expect(loop.statistics.waits > waits) }
                        try await sleep(for: .hour)
                    }
                }
            }
        }
    }

    @Test func `a second interrupt ends the process, even if the loop is stuck (S384)`() async {
        await #expect(processExitsWith: .signal(SIGINT)) {
            try await onThread {
                try EventLoop.run {
                    kill(getpid(), SIGINT)
                    while script_disposition(SIGINT) != 0 { sched_yield() }
                    kill(getpid(), SIGINT)
                    while true { usleep(1_000) }
                }
            }
        }
    }

    @Test func `a second interrupt ends a clean-up that takes for ever (S384)`() async {
        await #expect(processExitsWith: .signal(SIGINT)) {
            try await onThread {
                try EventLoop.run {
                    kill(getpid(), SIGINT)
                    do { try await sleep(for: .hour) } catch {
                        kill(getpid(), SIGINT)
                        try await startUnknownTask { try await sleep(for: .hour) }.value
                    }
                }
            }
        }
    }

    @Test func `a body that was cancelled already ends in that cancellation (S385)`() async {
        await #expect(processExitsWith: .success) {
            await #expect(throws: CancellationError.self) {
                try await onThread {
                    try EventLoop.run {
                        withUnsafeCurrentTask { $0?.cancel() }
                        kill(getpid(), SIGINT)
                        while script_disposition(SIGINT) != 0 { sched_yield() }
                        // Some turns, in which the signal is noticed.
                        try await startUnknownTask { try await settle() }.value
                        try Task.checkCancellation()
                    }
                }
            }
        }
    }

    @Test func `a body that ends otherwise keeps its value, or its own error (S384)`() async {
        await #expect(processExitsWith: .success) {
            let value = try await onThread {
                try EventLoop.run {
                    kill(getpid(), SIGINT)
                    try? await sleep(for: .hour)
                    return 5
                }
            }
            #expect(value == 5)
            await #expect(throws: IOError(.closed, operation: "test")) {
                try await onThread {
                    try EventLoop.run {
                        kill(getpid(), SIGINT)
                        try? await sleep(for: .hour)
                        throw IOError(.closed, operation: "test")
                    }
                }
            }
        }
    }

    @Test func `an interrupt comes out of a scope bare, not among the children's errors (S245)`()
        async
    {
        await #expect(processExitsWith: .success) {
            await #expect(throws: EventLoopError.interrupted(.interrupt)) {
                try await onThread {
                    try EventLoop.run {
                        try await withTaskScope { outer in
                            for _ in 0..<3 { outer.spawn { try await sleep(for: .hour) } }
                            try await withTaskScope { inner in
                                inner.spawn { try await sleep(for: .hour) }
                                kill(getpid(), SIGINT)
                                try await sleep(for: .hour)
                            }
                        }
                    }
                }
            }
            // A child that fails over it is heard: the interrupt is then not all that happened.
            await #expect(throws: IOError(.closed, operation: "test")) {
                try await onThread {
                    try EventLoop.run {
                        try await withTaskScope { scope in
                            scope.spawn {
                                try? await sleep(for: .hour)
                                throw IOError(.closed, operation: "test")
                            }
                            kill(getpid(), SIGINT)
                            try await sleep(for: .hour)
                        }
                    }
                }
            }
        }
    }

    @Test func `an ignored signal stays ignored (S384)`() async {
        await #expect(processExitsWith: .success) {
            script_set_disposition(SIGINT, 1)
            try await onThread {
                try EventLoop.run {
                    #expect(script_disposition(SIGINT) == 1)
                    kill(getpid(), SIGINT)
                    try await sleep(for: .milliseconds(1))
                }
            }
            #expect(script_disposition(SIGINT) == 1)
        }
    }

    @Test func `a signal that somebody handles is left to them (S384)`() async {
        await #expect(processExitsWith: .success) {
            script_set_disposition(SIGINT, 2)
            try await onThread {
                try EventLoop.run {
                    kill(getpid(), SIGINT)
                    try await sleep(for: .milliseconds(1))
                }
            }
            #expect(script_disposition(SIGINT) == 2)
        }
    }

    @Test func `SIGTERM cancels the body if the configuration says so`() async {
        await #expect(processExitsWith: .success) {
            await #expect(throws: EventLoopError.interrupted(.terminate)) {
                try await onThread {
                    var configuration = EventLoop.Configuration()
                    configuration.interruptSignals = [.interrupt, .terminate]
                    try EventLoop.run(configuration: configuration) {
                        kill(getpid(), SIGTERM)
                        try await sleep(for: .hour)
                    }
                }
            }
            #expect(script_disposition(SIGTERM) == 0)
        }
    }

    @Test func `SIGTERM ends the process by default`() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            try await onThread {
                try EventLoop.run {
                    kill(getpid(), SIGTERM)
                    try await sleep(for: .hour)
                }
            }
        }
    }

    @Test func `only runs take signals, and give them back at their end`() async {
        await #expect(processExitsWith: .success) {
            let started = try EventLoop.start()
            try await started.run { #expect(script_disposition(SIGINT) == 0) }
            let hosted = try EventLoop()
            try await onThread {
                try hosted.runReady()
                #expect(script_disposition(SIGINT) == 0)
                for _ in 0..<3 {
                    try EventLoop.run { #expect(script_disposition(SIGINT) == 2) }
                    #expect(script_disposition(SIGINT) == 0)
                }
                try finish(hosted)
            }
            try await started.shutdown()
        }
    }
}
