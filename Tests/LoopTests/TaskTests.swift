import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Spawned tasks: their handles, their names, their errors.
@Suite(.watched)
struct TaskTests {
    struct Failure: Error, Equatable {}

    @Test func `a task can be spawned from any thread, and runs on the loop`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        try await onThread {
            try onThreads(4) { _ in
                for _ in 0..<50 { loop.spawn { #expect(loop.isCurrent) } }
            }
        }
        let statistics = try await loop.run { loop.statistics }
        #expect(statistics.spawnedTasks == 201)
        try await loop.shutdown()
    }

    @Test func `a task has its name, inside and outside`() async throws {
        try await onLoop {
            let named = spawn(name: "worker") { Task.name }
            #expect(named.name == "worker")
            #expect(await named.value == "worker")
            let nameless = spawn { Task.name }
            #expect(nameless.name == nil)
            #expect(await nameless.value == nil)
        }
    }

    @TaskLocal static var local = 0

    @Test func `a task inherits task-local values, and not the cancellation`() async throws {
        try await onLoop {
            let outer = spawn {
                withUnsafeCurrentTask { $0?.cancel() }
                return await Self.$local.withValue(5) {
                    await spawn { (Self.local, Task.isCancelled) }.value
                }
            }
            #expect(await outer.value == (5, false))
        }
    }

    @Test func `cancel tells whether the task had ended (S314)`() async throws {
        try await onLoop {
            let task = spawn { try await sleep(for: .hour) }
            #expect(!task.isFinished && !task.isCancelled)
            #expect(task.cancel())
            #expect(task.cancel())
            #expect(task.isCancelled)
            _ = await task.result
            #expect(task.isFinished)
            #expect(!task.cancel())
            let done = spawn { 1 }
            _ = await done.value
            #expect(!done.cancel())
            #expect(!done.isCancelled)
        }
    }

    @Test func `the error of a task that nobody looks at is reported, once (S382)`() async throws {
        let reported = Recorder<String>()
        try await onLoop(configuration: .reporting(to: reported)) {
            do { spawn(name: "lost") { throw Failure() } }
            try await settle()
            #expect(reported.elements == ["lost: Failure() true"])
        }
        #expect(reported.count == 1)
    }

    @Test func `the error is reported when the last handle goes, not before`() async throws {
        let reported = Recorder<String>()
        try await onLoop(configuration: .reporting(to: reported)) {
            var handle: TaskHandle<Void, any Error>? = spawn { throw Failure() }
            try await settle()
            #expect(handle?.isFinished == true)
            #expect(reported.count == 0)
            handle = nil
            try await settle()
            #expect(reported.count == 1)
        }
    }

    @Test func `an error that somebody looked at is not reported`() async throws {
        let reported = Recorder<String>()
        try await onLoop(configuration: .reporting(to: reported)) {
            await #expect(throws: Failure()) {
                try await spawn { () async throws -> Int in throw Failure() }.value
            }
            _ = await spawn { throw Failure() }.result
            _ = await gatherResults(spawn { throw Failure() })
            try await settle()
        }
        #expect(reported.elements == [])
    }

    @Test func `a cancellation that nobody looks at is no error`() async throws {
        let reported = Recorder<String>()
        try await onLoop(configuration: .reporting(to: reported)) {
            spawn { try await sleep(for: .hour) }.cancel()
            spawn { throw CancellationError() }
            try await settle()
        }
        #expect(reported.elements == [])
    }

    @Test func `a handle that outlives the loop reports through the drain, once (H9)`() async throws
    {
        let reported = Recorder<String>()
        let loop = try EventLoop.start(configuration: .reporting(to: reported))
        var handle: TaskHandle<Void, any Error>? = loop.spawn { throw Failure() }
        while handle?.isFinished == false { await Task.yield() }
        try await loop.shutdown()
        handle = nil
        while reported.count == 0 { await Task.yield() }
        #expect(reported.count == 1)
    }

    @Test func `waiting for a task is not ended by the waiting task's cancellation`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let task = spawn {
                try await semaphore.acquire(); return 3
            }
            let waiting = spawn { try await task.value }
            try await settle()
            waiting.cancel()
            try await settle()
            #expect(!waiting.isFinished)
            try semaphore.release()
            #expect(try await waiting.value == 3)
        }
    }

    @Test func `a loop keeps tasks alive whose handle is dropped`() async throws {
        let ended = Recorder<Int>()
        try await onLoop {
            for number in 0..<100 {
                spawn {
                    try await sleep(for: .microseconds(10))
                    ended.append(number)
                }
            }
            #expect(currentLoop.statistics.spawnedTasks == 0)
            try await until { ended.count == 100 }
        }
    }

    @Test func `a thousand loops made and dropped with tasks alive do no harm (H8)`() async throws {
        try await onThread {
            let tasks = Recorder<Task<Int, Never>>()
            for number in 0..<300 {
                let loop = try EventLoop(configuration: .quiet)
                tasks.append(Task(executorPreference: loop.taskExecutor) { number })
                loop.spawn { number }
                if number.isMultiple(of: 2) { try loop.runReady() }
                try finish(loop)
                tasks.append(Task(executorPreference: loop.taskExecutor) { number })
            }
            #expect(tasks.count == 600)
        }
    }
}

extension EventLoop.Configuration {
    /// Notes unhandled errors: the task's name, the error, and whether this is the loop's thread.
    fileprivate static func reporting(to recorder: Recorder<String>) -> Self {
        var configuration = Self.quiet
        configuration.onUnhandledError = { error, task in
            recorder.append("\(task ?? "-"): \(error) \(EventLoop.current != nil)")
        }
        return configuration
    }
}
