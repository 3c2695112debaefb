import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// `start` of a task scope: S247, S249, S250. And its limit.
@Suite(.watched)
struct TaskScopeStartTests {
    @Test func `start waits until the child is ready, and has its value; the child goes on (S247)`()
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<String>()
            try await withTaskScope { scope in
                let port = try await scope.start(name: "server") { ready in
                    try await sleep(for: .seconds(1))
                    ready(8080)
                    try await sleep(for: .seconds(1))
                    steps.append("child ended")
                }
                #expect(port == 8080)
                #expect(fakeNow() == 1)
                steps.append("started")
                try await scope.start { ready in ready() }
            }
            #expect(steps.elements == ["started", "child ended"])
            #expect(fakeNow() == 2)
        }
    }

    @Test func `a child that fails before it is ready is the starter's to deal with`() async throws
    {
        try await onFakeClock {
            let value = try await withTaskScope { scope in
                await #expect(throws: Failure(number: 1)) {
                    try await scope.start { (_: TaskReady<Int>) in throw Failure(number: 1) }
                }
                await #expect(throws: TaskStartError.endedBeforeReady) {
                    try await scope.start { (_: TaskReady<Void>) in }
                }
                #expect(!scope.isCancelled)
                return 3
            }
            #expect(value == 3)
            #expect("\(TaskStartError.endedBeforeReady)".contains("ready"))
        }
    }

    @Test func `a child that fails after it was ready fails the scope`() async throws {
        try await onFakeClock {
            await #expect(throws: Failure(number: 2)) {
                try await withTaskScope { scope in
                    try await scope.start { ready in
                        ready()
                        try await yield()
                        throw Failure(number: 2)
                    }
                    try await sleep(for: .hour)
                }
            }
        }
    }

    @Test func `a cancelled starter ends the child, until it is ready (S250)`() async throws {
        try await onFakeClock {
            try await withTaskScope { scope in
                let log = Recorder<String>()
                let starter = spawn {
                    try await scope.start { (_: TaskReady<Void>) in
                        do { try await sleep(for: .hour) } catch {
                            log.append("child")
                            throw error
                        }
                    }
                }
                try await settle()
                starter.cancel()
                await #expect(throws: CancellationError.self) { try await starter.value }
                #expect(log.elements == ["child"])

                let gate = try AsyncSemaphore(0)
                let late = spawn {
                    try await scope.start { ready in
                        ready(4)
                        try await gate.acquire()
                        log.append("released")
                    }
                }
                try await settle()
                late.cancel()
                #expect(try await late.value == 4)
                try gate.release()
                try await settle()
                #expect(log.elements == ["child", "released"])

                let before = spawn { try await scope.start { ready in ready() } }
                before.cancel()
                await #expect(throws: CancellationError.self) { try await before.value }
                #expect(scope.statistics.spawned == 2)
            }
        }
    }

    @Test(arguments: [false, true])
    func `a child started into a scope that is cancelled never slips through (S250)`(
        isReadyFirst: Bool
    ) async throws {
        try await onFakeClock {
            let ended = Recorder<String>()
            let outcome = Recorder<String>()
            try await withTaskScope { scope in
                let starter = spawn {
                    do {
                        try await scope.start { ready in
                            if !isReadyFirst { scope.cancel("over") }
                            scope.spawn {
                                defer { ended.append("grandchild") }
                                try await sleep(for: .hour)
                            }
                            ready()
                            if isReadyFirst { scope.cancel("over") }
                            defer { ended.append("child") }
                            try await sleep(for: .hour)
                        }
                        outcome.append("started")
                    } catch {
                        outcome.append("\(error)")
                    }
                }
                await starter.value
            }
            #expect(ended.elements.sorted() == ["child", "grandchild"])
            #expect(outcome.elements == ["started"])
            #expect(fakeNow() == 0)
        }
    }

    @Test func `start into a cancelled scope says so to a starter that is not cancelled (S250)`()
        async throws
    {
        try await onFakeClock {
            try await withTaskScope { scope in
                scope.cancel("closed")
                let starter = spawn {
                    try await scope.start { ready in
                        try await yield()
                        ready()
                    }
                }
                await withShield { () async -> Void in
                    await #expect(throws: ScopeCancelledError("closed")) {
                        try await starter.value
                    }
                }
            }
        }
    }

    @Test func `a pending start keeps the scope open (S249)`() async throws {
        try await onFakeClock {
            let outside = Recorder<TaskHandle<Int, any Error>>()
            try await withTaskScope { scope in
                outside.append(
                    spawn {
                        try await scope.start { ready in
                            try await sleep(for: .seconds(2))
                            ready(1)
                        }
                    })
                try await settle()
            }
            #expect(fakeNow() == 2)
            #expect(try await outside.elements[0].value == 1)
        }
    }

    @Test func `to say twice that one is ready is a mistake of the program (S249)`() async {
        await #expect(processExitsWith: .failure) {
            try EventLoop.run {
                try await withTaskScope { scope in
                    try await scope.start { ready in
                        ready()
                        ready()
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 10])
    func `no more children run than the limit allows; all get their turn`(limit: Int) async throws {
        try await onFakeClock {
            let running = Recorder<Int>()
            let most = Recorder<Int>()
            try await withTaskScope(limit: limit) { scope in
                for _ in 0..<10 {
                    scope.spawn {
                        running.append(1)
                        most.append(running.elements.reduce(0, +))
                        try await sleep(for: .seconds(1))
                        running.append(-1)
                    }
                }
                try await settle()
                #expect(scope.statistics.running == 10)
                #expect(scope.statistics.waiting == max(0, 10 - limit))
            }
            #expect(most.elements.max() == limit)
            #expect(fakeNow() == Double((10 + limit - 1) / limit))
        }
    }

    @Test func `children that wait for their turn do not begin in a scope that is cancelled`()
        async throws
    {
        try await onFakeClock {
            let begun = Recorder<Int>()
            await #expect(throws: Failure(number: 1)) {
                try await withTaskScope(limit: 2) { scope in
                    for number in 0..<5 {
                        scope.spawn {
                            begun.append(number)
                            try await sleep(for: .seconds(number == 0 ? 1 : 3600))
                            throw Failure(number: 1)
                        }
                    }
                }
            }
            #expect(begun.elements == [0, 1])
        }
    }

    @Test func `spawning in turn waits for room: no faster than the children end`() async throws {
        try await onFakeClock {
            let times = Recorder<Double>()
            try await withTaskScope(limit: 2) { scope in
                for _ in 0..<5 {
                    try await scope.spawnInTurn { try await sleep(for: .seconds(1)) }
                    times.append(fakeNow())
                    #expect(scope.statistics.running <= 2)
                }
            }
            #expect(times.elements == [0, 0, 1, 1, 2])
            #expect(fakeNow() == 3)
            try await withTaskScope { scope in
                let value = try await scope.spawnInTurn { 4 }.value
                #expect(value == 4)
            }
        }
    }

    @Test func `spawning in turn, cancelled while it waits, starts nothing`() async throws {
        try await onFakeClock {
            try await withTaskScope(limit: 1) { scope in
                scope.spawn { try await sleep(for: .seconds(1)) }
                let waiting = spawn { try await scope.spawnInTurn {} }
                try await settle()
                #expect(scope.statistics.waiting == 1)
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                #expect(scope.statistics.spawned == 1)
            }
        }
    }
}
