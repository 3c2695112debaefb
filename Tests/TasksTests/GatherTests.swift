import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct GatherTests {
    @Test func `values come in the order of the tasks`() async throws {
        try await onLoop {
            let one = spawn {
                try await settle(5); return 1
            }
            let two = spawn { "two" }
            let values = try await gather(one, two)
            #expect(values == (1, "two"))
        }
    }

    @Test func `nothing to wait for gives nothing (S192)`() async throws {
        try await onLoop {
            try await gather()
            let none: [TaskHandle<Int, any Error>] = []
            #expect(try await gather(none).isEmpty)
            #expect(await gatherResults(none).isEmpty)
            let values = try await gather([Int]()) { $0 }
            #expect(values.isEmpty)
        }
    }

    @Test func `the first error cancels the others, which are awaited (S193)`() async throws {
        // asyncio lets the others go on; here they are cancelled, and have ended when it comes.
        try await onLoop {
            let cleanedUp = Recorder<Int>()
            let others = (0..<2).map { index in
                spawn { () async throws -> Int in
                    do { try await sleep(for: .hour) } catch {
                        for _ in 0..<3 { await Task.yield() }
                        cleanedUp.append(index)
                        throw error
                    }
                    return index
                }
            }
            let failing = spawn { () async throws -> Int in
                try await settle(3)
                throw Failure(number: 1)
            }
            await #expect(throws: Failure(number: 1)) {
                try await gather(others[0], failing, others[1])
            }
            #expect(cleanedUp.elements == [0, 1])
            #expect(others.allSatisfy { $0.isFinished && $0.isCancelled })
        }
    }

    @Test func `the error that came first is thrown, not the first in order (S193)`() async throws {
        try await onLoop {
            let tasks = [9, 1, 5].map { turns in
                spawn { () async throws -> Int in
                    for _ in 0..<turns { await Task.yield() }
                    throw Failure(number: turns)
                }
            }
            await #expect(throws: Failure(number: 1)) { try await gather(tasks) }
            // One that had failed before the call counts as first.
            let failed = spawn { () async throws -> Int in throw Failure(number: 7) }
            try await settle()
            let sleeping = spawn { () async throws -> Int in
                try await sleep(for: .hour)
                return 1
            }
            await #expect(throws: Failure(number: 7)) { try await gather(sleeping, failed) }
        }
    }

    @Test func `results come in their places, errors too (S194)`() async throws {
        try await onLoop {
            let good = spawn { 1 }
            let bad = spawn { () async throws -> Int in throw Failure(number: 2) }
            let slow = spawn { () async throws -> Int in
                try await settle()
                return 3
            }
            let results = await gatherResults([bad, slow])
            #expect(throws: Failure(number: 2)) { try results[0].get() }
            let second = try results[1].get()
            #expect(second == 3)
            let (one, two, three) = await gatherResults(good, bad, slow)
            #expect(one.get() == 1)
            #expect(throws: Failure(number: 2)) { try two.get() }
            let third = try three.get()
            #expect(third == 3)
        }
    }

    @Test func `a task that was cancelled failed with a cancellation; the caller did not (S195)`()
        async throws
    {
        try await onLoop {
            let cancelled = spawn { try await sleep(for: .hour) }
            let other = spawn { try await settle() }
            cancelled.cancel()
            let results = await gatherResults([cancelled, other])
            #expect(throws: CancellationError.self) { try results[0].get() }
            #expect(throws: Never.self) { try results[1].get() }
            await #expect(throws: CancellationError.self) { try await gather(other, cancelled) }
            #expect(!Task.isCancelled)
        }
    }

    @Test func `cancelling one whose tasks have all ended well loses no values (S197)`()
        async throws
    {
        try await onLoop {
            let (one, two) = (spawn { 1 }, spawn { () async throws -> Int in 2 })
            _ = await (one.value, two.result)
            let gathering = spawn {
                TaskIdentity.current?.cancel()
                return try await gather(one, two)
            }
            let values = try await gathering.value
            #expect(values == (1, 2))
        }
    }

    @Test func `cancelling the caller cancels the tasks, and awaits them (S197)`() async throws {
        try await onLoop {
            let tasks = (0..<3).map { _ in spawn { try await sleep(for: .hour) } }
            let gathering = spawn { _ = try await gather(tasks) }
            let collecting = spawn { await gatherResults(tasks).count }
            try await settle()
            gathering.cancel()
            await #expect(throws: CancellationError.self) { try await gathering.value }
            #expect(tasks.allSatisfy { $0.isFinished })
            #expect(await collecting.value == 3)
        }
    }

    @Test func `a task given twice runs once, and yields its value twice (S199)`() async throws {
        try await onLoop {
            let runs = Recorder<Int>()
            let task = spawn { () async throws -> Int in
                runs.append(1)
                try await settle(3)
                return 8
            }
            let pair = try await gather(task, task)
            #expect(pair == (8, 8))
            let triple = try await gather([task, task, task])
            #expect(triple == [8, 8, 8])
            #expect(runs.count == 1)
        }
    }

    @Test func `errors after the first are not reported as unhandled (S200)`() async throws {
        let reported = Recorder<String>()
        var configuration = EventLoop.Configuration.quiet
        configuration.onUnhandledError = { error, _ in reported.append("\(error)") }
        try await onLoop(configuration: configuration) {
            await #expect(throws: Failure.self) {
                let tasks = (0..<3).map { index in
                    spawn { () async throws -> Void in throw Failure(number: index) }
                }
                _ = try await gather(tasks)
            }
            try await settle()
            #expect(reported.count == 0)
            // The proof that it would be seen.
            spawn { throw Failure(number: 9) }
            try await settle()
            #expect(reported.count == 1)
        }
    }

    @Test func `closures run concurrently, and give values of their types`() async throws {
        try await onFakeClock {
            let one: @Sendable () async throws -> Int = {
                try await sleep(for: .seconds(2))
                return 1
            }
            let two: @Sendable () async throws -> String = {
                try await sleep(for: .seconds(1))
                return "two"
            }
            let values = try await gather(one, two)
            #expect(values == (1, "two"))
            #expect(fakeNow() == 2)
        }
    }

    @Test func `closures are written in place, two to six, and more if they are marked`()
        async throws
    {
        try await onFakeClock {
            @Sendable func work<Value>(_ value: Value, _ seconds: Int = 1) async throws -> Value {
                try await sleep(for: .seconds(seconds))
                return value
            }
            let two = try await gather({ try await work(1) }, { try await work("2") })
            #expect(two == (1, "2"))
            let three = try await gather(
                { try await work(1) }, { try await work("2") }, { try await work(3.0) })
            #expect(three == (1, "2", 3))
            let four = try await gather(
                { try await work(1) }, { "2" }, { try await work(3.0) }, { try await work(4) })
            #expect(four == (1, "2", 3, 4))
            let five = try await gather({ try await work(1, 2) }, { 2 }, { 3 }, { 4 }, { 5 })
            #expect(five == (1, 2, 3, 4, 5))
            let six = try await gather({ 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { try await work("6") })
            #expect(six == (1, 2, 3, 4, 5, "6"))
            let number: @Sendable () async throws -> Int = { try await work(7) }
            let seven = try await gather(
                number, number, number, number, number, number, number)
            #expect(seven.0 + seven.1 + seven.2 + seven.3 + seven.4 + seven.5 + seven.6 == 49)
            #expect(fakeNow() == 7)
        }
    }

    @Test func `the first error of a closure cancels the others, and so does the caller (S193)`()
        async throws
    {
        try await onFakeClock {
            let ended = Recorder<Int>()
            @Sendable func work(_ number: Int) async throws -> Int {
                defer { ended.append(number) }
                try await sleep(for: .hour)
                return number
            }
            await #expect(throws: Failure(number: 3)) {
                _ = try await gather(
                    { try await work(1) },
                    {
                        try await sleep(for: .seconds(1))
                        throw Failure(number: 3)
                    },
                    { try await work(2) })
            }
            #expect(ended.elements.sorted() == [1, 2])
            let caller = spawn { try await gather({ try await work(3) }, { try await work(4) }) }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { _ = try await caller.value }
            #expect(ended.elements.sorted() == [1, 2, 3, 4])
            #expect(fakeNow() == 1)
        }
    }
}
