import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Tasks in the order in which they end: S206, S207, S208, S253, S255.
@Suite(.watched)
struct AsCompletedTests {
    @Test func `tasks come in the order in which they end (S206)`() async throws {
        try await onFakeClock {
            let tasks = [3, 1, 2].map { sleeper($0) }
            var order: [Int] = []
            for try await task in asCompleted(tasks) {
                #expect(task.isFinished)
                order.append(try await task.value)
                #expect(fakeNow() == Double(order.count))
            }
            #expect(order == [1, 2, 3])
        }
    }

    @Test func `the very same handles come back, failed ones too (S206)`() async throws {
        try await onFakeClock {
            let good = spawn(name: "good") { () async throws -> Int in 1 }
            let bad = spawn(name: "bad") { () async throws -> Int in throw Failure(number: 2) }
            let given = [bad, good].map { ObjectIdentifier($0.record) }
            var came: [ObjectIdentifier] = []
            for try await task in asCompleted([bad, good]) {
                came.append(ObjectIdentifier(task.record))
                _ = await task.result
            }
            #expect(Set(came) == Set(given) && came.count == 2)
        }
    }

    @Test func `those that had ended come first, as they were given; one given twice, once`()
        async throws
    {
        try await onFakeClock {
            let ended = [5, 6].map { number in spawn { () async throws -> Int in number } }
            try await settle()
            let late = sleeper(1)
            var order: [Int] = []
            for try await task in asCompleted([late, ended[1], ended[0], late, ended[1]]) {
                order.append(try await task.value)
            }
            #expect(order == [6, 5, 1])
            let none: [TaskHandle<Int, Never>] = []
            for try await _ in asCompleted(none) { Issue.record("there was nothing") }
        }
    }

    @Test func `when the time is up, what has not ended is an error (S207)`() async throws {
        try await onFakeClock {
            let tasks = [1, 9].map { sleeper($0) }
            let remaining = asCompleted(tasks, timeout: .seconds(2))
            var order: [Int] = []
            await #expect(throws: TimeoutError.self) {
                for try await task in remaining { order.append(try await task.value) }
            }
            #expect(order == [1])
            #expect(fakeNow() == 2)
            #expect(!tasks[1].isCancelled)
            // Still there: it may be had later, if it ended.
            await #expect(throws: TimeoutError.self) {
                for try await _ in remaining {}
            }
            let last = try await tasks[1].value
            for try await task in remaining { #expect(try await task.value == last) }
        }
    }

    @Test func `a time-out counts from the call; one not needed leaves no timer (S207)`()
        async throws
    {
        try await onFakeClock {
            let tasks = [1, 2].map { sleeper($0) }
            let remaining = asCompleted(tasks, timeout: .seconds(3))
            try await sleep(for: .seconds(1))
            for try await task in remaining { _ = try await task.value }
            #expect(armedTimers() == 0)
            let slow = sleeper(9)
            let late = asCompleted([slow], timeout: .seconds(1))
            try await sleep(for: .seconds(2))
            await #expect(throws: TimeoutError.self) { for try await _ in late {} }
            #expect(fakeNow() == 4)
        }
    }

    @Test func `iterating may be broken off and resumed (S208)`() async throws {
        try await onFakeClock {
            let remaining = asCompleted([4, 2, 1, 3].map { sleeper($0) })
            var order: [Int] = []
            for try await task in remaining {
                order.append(try await task.value)
                if order.count == 2 { break }
            }
            #expect(fakeNow() == 2)
            for try await task in remaining { order.append(try await task.value) }
            #expect(order == [1, 2, 3, 4])
            for try await _ in remaining { Issue.record("all have come") }
        }
    }

    @Test func `the tasks run concurrently, and breaking off leaves them running (S208)`()
        async throws
    {
        try await onFakeClock {
            let tasks = (1...3).map { _ in sleeper(2) }
            for try await task in asCompleted(tasks) {
                _ = try await task.value
                break
            }
            #expect(fakeNow() == 2)
            #expect(tasks.allSatisfy { !$0.isCancelled })
            #expect(try await gather(tasks).count == 3)
            #expect(fakeNow() == 2)
        }
    }

    @Test func `a scope and this are a join set: what is left is ended, each says how (S253)`()
        async throws
    {
        try await onFakeClock {
            let left = Recorder<TaskHandle<Int, any Error>>()
            let came = try await withTaskScope { scope in
                let tasks = (1...5).map { number in
                    scope.spawn(name: "\(number)") { () async throws -> Int in
                        try await sleep(for: .seconds(number))
                        return number
                    }
                }
                tasks[1].cancel()
                var came: [String] = []
                for try await task in asCompleted(tasks) {
                    switch await task.result {
                    case .success(let number): came.append("\(number)")
                    case .failure(let error): came.append("\(task.name!): \(type(of: error))")
                    }
                    if came.count == 3 { break }
                }
                tasks[3...].forEach(left.append)
                scope.cancel()
                return came
            }
            #expect(came == ["2: CancellationError", "1", "3"])
            // The scope has ended those that nobody took.
            #expect(fakeNow() == 3)
            for task in left.elements {
                #expect(task.isFinished)
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
    }

    @Test func `taking many that have ended lets others run now and then (S255)`() async throws {
        try await onFakeClock {
            let tasks = (0..<1_000).map { number in spawn { () async throws -> Int in number } }
            _ = try await wait(for: tasks)
            let turns = Recorder<Int>()
            let other = spawn {
                while true {
                    turns.append(0)
                    try await yield()
                }
            }
            try await settle()
            let before = turns.count
            for try await _ in asCompleted(tasks) {}
            #expect(turns.count - before >= 5)
            other.cancel()
        }
    }

    @Test func `two tasks may share one sequence: each handle comes once`() async throws {
        try await onFakeClock {
            let remaining = asCompleted((1...9).map { sleeper($0 / 2) })
            let seen = Recorder<Int>()
            let workers = (0..<2).map { worker in
                spawn { () async throws -> Void in
                    for try await task in remaining {
                        seen.append(Int(task.name!)!)
                        if worker == 0 { try await sleep(for: .milliseconds(300)) }
                    }
                }
            }
            _ = try await gather(workers)
            #expect(seen.elements.sorted() == [0, 1, 1, 2, 2, 3, 3, 4, 4])
        }
    }

    @Test func `a caller that is cancelled takes nothing (S205)`() async throws {
        try await onFakeClock {
            let task = sleeper(1)
            let remaining = asCompleted([task])
            let cancelledBefore = spawn {
                TaskIdentity.current?.cancel()
                for try await _ in remaining { Issue.record("cancelled") }
            }
            await #expect(throws: CancellationError.self) { try await cancelledBefore.value }
            let waiting = spawn { for try await _ in remaining { Issue.record("cancelled") } }
            try await settle()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            // Woken by the task's end, and cancelled before it ran.
            let woken = spawn { for try await _ in remaining { Issue.record("cancelled") } }
            try await settle()
            let observer = TaskEnd { woken.cancel() }
            _ = task.record.observe(observer)
            await #expect(throws: CancellationError.self) { try await woken.value }
            #expect(task.isFinished && !task.isCancelled)
            var count = 0
            for try await _ in remaining { count += 1 }
            #expect(count == 1)
        }
    }

    @Test func `dropped sequences leave nothing in a long-lived task`() async throws {
        try await onLoop {
            let long = spawn { try await sleep(for: .hour) }
            for _ in 0..<20 { _ = asCompleted([long, long]) }
            #expect(long.record.observers.count == 0)
            do {
                let kept = asCompleted([long])
                #expect(long.record.observers.count == 1)
                withExtendedLifetime(kept) {}
            }
            #expect(long.record.observers.count == 0)
            long.cancel()
        }
    }

    @Test func `tasks that end on four loops come once each, to a caller on none`() async throws {
        let loops = try (0..<4).map { _ in try EventLoop.start(configuration: .quiet) }
        for round in 0..<20 {
            let tasks = (0..<64).map { number in
                loops[number % 4].spawn { () async throws -> Int in
                    if number % 3 == 0 { try await sleep(for: .microseconds(number)) }
                    return number
                }
            }
            var came: Set<Int> = []
            for try await task in asCompleted(tasks, timeout: .hour) {
                came.insert(try await task.value)
            }
            #expect(came == Set(0..<64), "round \(round)")
        }
        for loop in loops { try await loop.shutdown() }
    }
}

/// Sleeps for seconds of fake time, and gives the number back.
private func sleeper(_ seconds: Int) -> TaskHandle<Int, any Error> {
    spawn(name: "\(seconds)") {
        try await sleep(for: .seconds(seconds))
        return seconds
    }
}
