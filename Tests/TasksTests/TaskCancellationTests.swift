import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct TaskCancellationTests {
    enum Local { @TaskLocal static var value = 0 }

    @Test func `cancel says whether the task was still alive (S153)`() async throws {
        try await onLoop {
            let task = spawn { try await sleep(for: .hour) }
            #expect(task.cancel())
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(!task.cancel())
            let finished = spawn { 1 }
            #expect(await finished.value == 1)
            #expect(!finished.cancel())
            #expect(!finished.isCancelled)
        }
    }

    @Test func `a task cancelled before its first step runs up to its first wait (S154)`()
        async throws
    {
        // asyncio does not run the body; Swift's runtime does.
        try await onLoop {
            let steps = Recorder<Int>()
            let task = spawn {
                steps.append(1)
                try await yield()
                steps.append(2)
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(steps.elements == [1])
        }
    }

    @Test func `a cancellation arrives at a bare yield (S155)`() async throws {
        try await onLoop {
            let task = spawn { while true { try await yield() } }
            try await settle()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `who awaits a cancelled task gets its error, and is not cancelled itself (S156)`()
        async throws
    {
        // In asyncio the awaiting task ends cancelled as well. Here its own flag is its own affair.
        try await onLoop {
            let inner = spawn { try await sleep(for: .hour) }
            let outer = spawn { () async throws -> Bool in
                await #expect(throws: CancellationError.self) { try await inner.value }
                try await yield()
                return Task.isCancelled
            }
            try await settle()
            inner.cancel()
            #expect(try await outer.value == false)

            // Both in one step: one cancellation, seen once by each.
            let seen = Recorder<String>()
            let below = spawn {
                do { try await sleep(for: .hour) } catch {
                    seen.append("inner")
                    throw error
                }
            }
            let above = spawn {
                do { try await below.value } catch {
                    seen.append("outer")
                    throw error
                }
            }
            try await settle()
            below.cancel()
            above.cancel()
            await #expect(throws: CancellationError.self) { try await above.value }
            #expect(seen.elements == ["inner", "outer"])
        }
    }

    @Test func `a task may catch its cancellation, and complete (S157)`() async throws {
        try await onLoop {
            let task = spawn { () async throws -> Int in
                do { try await sleep(for: .hour) } catch is CancellationError {
                    await spawn { try? await settle(3) }.value
                }
                return 5
            }
            try await settle()
            task.cancel()
            let value = try await task.value
            #expect(value == 5)
        }
    }

    @Test func `a cancellation stays: each later wait fails as well (S158)`() async throws {
        // asyncio delivers one cancellation once; Swift's flag stays.
        try await onLoop {
            let task = spawn { () async -> Int in
                var failures = 0
                for _ in 0..<3 {
                    do { try await sleep(for: .hour) } catch { failures += 1 }
                }
                return failures
            }
            try await settle()
            task.cancel()
            #expect(await task.value == 3)
        }
    }

    @Test func `one that cancels itself and waits no more completes (S160)`() async throws {
        try await onLoop {
            let task = spawn { () async throws -> Int in
                TaskIdentity.current?.cancel()
                return 6
            }
            let value = try await task.value
            #expect(value == 6)
            #expect(task.isCancelled)
        }
    }

    @Test func `one that cancels itself is cancelled at its next wait, its child too (S161)`()
        async throws
    {
        try await onLoop {
            let childErrors = Recorder<String>()
            let task = spawn {
                async let child: Void = {
                    do { try await sleep(for: .hour) } catch {
                        childErrors.append("\(type(of: error))")
                        throw error
                    }
                }()
                try await yield()
                TaskIdentity.current?.cancel()
                try await child
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(childErrors.elements == ["CancellationError"])
        }
    }

    @Test(arguments: ["value", "no error", "result", "gather"])
    func `a task that awaits itself is a mistake of the program (S164)`(by way: String) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            [way] in
            try EventLoop.run(configuration: .quiet) {
                let itself = Recorder<TaskHandle<Void, any Error>>()
                let harmless = Recorder<TaskHandle<Void, Never>>()
                harmless.append(
                    spawn(name: "ouroboros") {
                        if way == "no error" { await harmless.elements[0].value }
                    })
                itself.append(
                    spawn(name: "ouroboros") {
                        switch way {
                        case "value": try await itself.elements[0].value
                        case "result": _ = await itself.elements[0].result
                        case "gather": _ = try await gather(itself.elements)
                        default: break
                        }
                    })
                try await itself.elements[0].value
            }
        }
        #if DEBUG
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("the task 'ouroboros' awaits itself"))
        #else
            _ = result
        #endif
    }

    @Test func `each of several interleaving tasks sees itself as the current one (S166)`()
        async throws
    {
        // The task's name stands for the task, as Swift has no object for the current one.
        try await onLoop {
            let tasks = (0..<3).map { index in
                spawn(name: "task \(index)") {
                    for _ in 0..<5 {
                        #expect(Task.name == "task \(index)")
                        try await yield()
                    }
                }
            }
            _ = try await gather(tasks)
        }
        let outside = try await onThread { TaskIdentity.current == nil }
        #expect(outside)
    }

    @Test func `a cancellation goes down a chain of awaits to the innermost (S167)`() async throws {
        try await onLoop {
            func deep(_ level: Int) async throws {
                if level == 0 { return try await sleep(for: .hour) }
                if level % 2 == 0 { return try await deep(level - 1) }
                async let child: Void = deep(level - 1)
                try await child
            }
            let task = spawn { try await deep(9) }
            try await settle()
            #expect(armedTimers() == 1)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `cancelling a sleeper takes its timer away (S168)`() async throws {
        try await onLoop {
            let task = spawn { try await sleep(for: .hour) }
            try await settle()
            #expect(armedTimers() == 1)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(armedTimers() == 0)
        }
    }

    @Test func `a sleep cancelled before, and after its deadline was noticed`() async throws {
        try await onFakeClock {
            let before = spawn { try await sleep(for: .hour) }
            before.cancel()
            await #expect(throws: CancellationError.self) { try await before.value }
            #expect(armedTimers() == 0)
            // Cancelled by a task that the same deadline woke first: the sleep is over already.
            let order = Recorder<TaskHandle<Void, any Error>>()
            let first = spawn {
                try await sleep(for: .seconds(1))
                order.elements[0].cancel()
            }
            let second = spawn { try await sleep(for: .seconds(1)) }
            order.append(second)
            try await first.value
            try await second.value
            #expect(second.isCancelled)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func `a sleep of zero, or less, lets each other ready task run once (S170, S299)`(
        duration: Duration
    )
        async throws
    {
        try await onLoop {
            let order = Recorder<Int>()
            let tasks = (0..<3).map { index in
                spawn {
                    for _ in 0..<3 {
                        order.append(index)
                        try await sleep(for: duration)
                    }
                }
            }
            _ = try await gather(tasks)
            #expect(order.elements == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        }
    }

    @Test func `a task sees its creator's task-local values as of its creation (S173)`()
        async throws
    {
        try await onLoop {
            let task = Local.$value.withValue(1) {
                spawn { () async throws -> [Int] in
                    let seen = Local.value
                    try await yield()
                    let changed = Local.$value.withValue(2) { Local.value }
                    return [seen, changed, Local.value]
                }
            }
            let values = try await task.value
            #expect(values == [1, 2, 1])
            #expect(Local.value == 0)
        }
    }

    @Test func `cancelling from the loop or another thread destroys the state once (S177, S179)`()
        async throws
    {
        final class State: Sendable {
            let destroyed: Recorder<Int>
            init(_ destroyed: Recorder<Int>) { self.destroyed = destroyed }
            deinit { destroyed.append(1) }
        }
        let destroyed = Recorder<Int>()
        try await onLoop {
            for round in 0..<100 {
                let task = spawn {
                    let state = State(destroyed)
                    try await sleep(for: .hour)
                    withExtendedLifetime(state) {}
                }
                if round % 4 < 2 { try await settle(2) }
                if round % 2 == 0 {
                    task.cancel()
                } else {
                    _ = try await onThread { task.cancel() }
                }
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
        #expect(destroyed.count == 100)
    }

    @Test func `task-local values are still there in the clean-up (S182)`() async throws {
        try await onLoop {
            let seen = Recorder<Int>()
            let task = Local.$value.withValue(4) {
                spawn {
                    defer { seen.append(Local.value) }
                    try await sleep(for: .hour)
                }
            }
            try await settle()
            task.cancel()
            _ = await task.result
            #expect(seen.elements == [4])
        }
    }
}
