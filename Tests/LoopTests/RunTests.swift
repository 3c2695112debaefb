import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct RunTests {
    struct Failure: Error, Equatable { var number = 0 }

    @Test func `run returns the body's value`() async throws {
        let value = try await onThread { try EventLoop.run(configuration: .quiet) { 42 } }
        #expect(value == 42)
    }

    @Test func `run throws the body's error`() async throws {
        await #expect(throws: Failure(number: 1)) {
            try await onThread {
                try EventLoop.run(configuration: .quiet) { throw Failure(number: 1) }
            }
        }
    }

    @Test func `a body that throws CancellationError by itself is no interrupt (S385)`()
        async throws
    {
        await #expect(throws: CancellationError.self) {
            try await onThread {
                try EventLoop.run(configuration: .quiet) { throw CancellationError() }
            }
        }
    }

    @Test func `everything that runs a loop is refused inside a loop (S365 S386 S387)`()
        async throws
    {
        try await onLoop {
            #expect(throws: EventLoopError.alreadyRunning) {
                try EventLoop.run(configuration: .quiet) { 1 }
            }
            #expect(throws: EventLoopError.alreadyRunning) { try EventLoop.runProgram { 1 } }
            let other = try EventLoop(configuration: .quiet)
            #expect(throws: EventLoopError.alreadyRunning) { try other.runReady() }
            #expect(throws: EventLoopError.alreadyRunning) { try currentLoop.runReady() }
            // The outer loop goes on as if nothing had happened.
            #expect(
                try await spawn {
                    try await settle(); return 7
                }.value == 7)
            #expect(!currentLoop.isStopping)
        }
    }

    @Test func `one thread may run many loops, one after the other (S386)`() async throws {
        let sum = try await onThread {
            try (1...200).reduce(0) { sum, number in
                try sum
                    + EventLoop.run(configuration: .quiet) {
                        try await settle(2); return number
                    }
            }
        }
        #expect(sum == 20_100)
    }

    @Test func `a run that ended in an error leaves nothing behind for the next (S386)`()
        async throws
    {
        try await onThread {
            for _ in 0..<20 {
                #expect(throws: Failure.self) {
                    try EventLoop.run(configuration: .quiet) {
                        spawn { try await sleep(for: .hour) }
                        try await settle()
                        throw Failure()
                    }
                }
                #expect(EventLoop.current == nil)
                let next = try EventLoop.run(configuration: .quiet) { 1 }
                #expect(next == 1)
            }
        }
    }

    @Test func `tasks still there at the end are cancelled and awaited (S382)`() async throws {
        let journal = Recorder<String>()
        try await onLoop {
            spawn {
                do {
                    try await sleep(for: .hour)
                } catch is CancellationError {
                    // Clean-up takes a few turns, in a task that is not cancelled.
                    await Task { try? await settle() }.value
                    journal.append("cleaned up")
                }
            }
            try await settle()
            journal.append("end")
        }
        #expect(journal.elements == ["end", "cleaned up"])
    }

    @Test func `clean-up may still use the loop, in tasks that are not cancelled (S382)`()
        async throws
    {
        try await onLoop {
            spawn {
                try? await sleep(for: .hour)
                let other = startUnknownTask { try await sleep(for: .milliseconds(1)) }
                await #expect(throws: Never.self) { try await other.value }
            }
            try await settle()
        }
    }

    @Test func `an error of clean-up at the end is reported once (S382)`() async throws {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, task in
            reported.append("\(task ?? "-"): \(error)")
        }
        try await onLoop(configuration: configuration) {
            spawn(name: "cleaner") {
                do { try await sleep(for: .hour) } catch { throw Failure(number: 3) }
            }
            try await settle()
        }
        #expect(reported.elements == ["cleaner: Failure(number: 3)"])
    }

    @Test func `a task that spawns another in its clean-up is awaited, with the other (S382)`()
        async throws
    {
        let ended = Recorder<Bool>()
        try await onLoop {
            spawn {
                try? await sleep(for: .hour)
                spawn { ended.append(Task.isCancelled) }
            }
            try await settle()
        }
        #expect(ended.elements == [true])
    }

    @Test func `stop in a job takes effect after the jobs that are ready (S354)`() async throws {
        let journal = Recorder<String>()
        try await onLoop {
            spawn { journal.append("ready \(Task.isCancelled)") }
            spawn {
                journal.append("waiting")
                do { try await sleep(for: .hour) } catch { journal.append("\(error)") }
            }
            spawn {
                currentLoop.stop(); journal.append("stopping \(currentLoop.isStopping)")
            }
            spawn { journal.append("behind \(Task.isCancelled)") }
            try await settle(1)
        }
        #expect(
            journal.elements == [
                "ready false", "waiting", "stopping true", "behind false", "CancellationError()",
            ])
    }

    @Test func `a stop does not cancel the body, but its waits fail in the end (S354)`()
        async throws
    {
        try await onLoop {
            currentLoop.stop()
            #expect(!Task.isCancelled)
            await #expect(throws: EventLoopError.stopped) { try await sleep(for: .hour) }
        }
    }

    @Test func `an error handler that starts a failing task itself does no harm (S366)`()
        async throws
    {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, task in
            reported.append(task ?? "-")
            if reported.count < 3 { spawn(name: "again") { throw error } }
        }
        try await onLoop(configuration: configuration) {
            spawn(name: "first") { throw Failure() }
            try await settle()
            #expect(reported.elements == ["first", "again", "again"])
            #expect(await spawn { 1 }.value == 1)
        }
    }

    @Test func `idle time is what the loop waited in the kernel, and nothing else (S363)`()
        async throws
    {
        try await onFakeClock {
            let loop = currentLoop
            try await settle()
            advanceFakeClock(milliseconds: 50)
            try await settle()
            #expect(loop.statistics.idle == .zero)
            try await sleep(for: .milliseconds(10))
            #expect(loop.statistics.idle == .milliseconds(10))
            advanceFakeClock(milliseconds: 50)
            try await settle()
            #expect(loop.statistics.idle == .milliseconds(10))
        }
    }

    @Test func `a loop counts its tasks, jobs, calls of the kernel, and time (S688)`() async throws
    {
        try await onFakeClock {
            let loop = currentLoop
            let before = loop.statistics
            let tasks = (0..<10).map { number in
                spawn {
                    try await yield()
                    try await sleep(for: .seconds(number < 5 ? 1 : 2))
                }
            }
            #expect(loop.statistics.readyJobs == 10)
            #expect(loop.statistics.liveTasks == before.liveTasks, "none has begun")
            try await settle(3)
            let begun = loop.statistics
            #expect(begun.spawnedTasks - before.spawnedTasks == 10)
            #expect(begun.liveTasks - before.liveTasks == 10)
            #expect(begun.armedTimers == 10)
            #expect(begun.waits == before.waits, "nothing to wait for yet")
            advanceFakeClock(milliseconds: 100)
            try await sleep(for: .milliseconds(1_400))
            let half = loop.statistics
            #expect(half.liveTasks - before.liveTasks == 5)
            #expect(half.timersFired - begun.timersFired == 6)
            #expect(half.waits - begun.waits == 2)
            #expect(half.polls - begun.polls >= 2)
            #expect(half.idle - begun.idle == .milliseconds(1_400))
            #expect(half.busy - begun.busy == .milliseconds(100))
            _ = try await gather(tasks)
            let end = loop.statistics
            #expect(end.liveTasks == before.liveTasks)
            #expect(end.spawnedTasks - before.spawnedTasks == 10)
            #expect(end.jobs - before.jobs >= 30)
            #expect(end.readyJobs == 0)
        }
    }

    @Test func `a loop whose descriptors were closed by others ends with the cause (S394)`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onLoop {
                close(currentLoop.pollableDescriptor)
                try await sleep(for: .milliseconds(1))
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #if DEBUG
            #expect(text.contains("errno \(EBADF)"))
        #endif
    }
}
