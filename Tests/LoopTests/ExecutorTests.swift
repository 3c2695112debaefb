import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Whatever a task of the loop awaits runs on the loop's thread.
@Suite(.watched)
struct ExecutorTests {
    @concurrent static func concurrent() async -> Bool { isHome }
    nonisolated static func plain() async -> Bool { isHome }

    /// Whether the caller is on the loop that `home` names.
    static var isHome: Bool { home?.isCurrent ?? false }
    @TaskLocal static var home: EventLoop?

    actor Ordinary {
        func look() async -> [Bool] {
            var seen = [ExecutorTests.isHome]
            await Task.yield()
            seen.append(ExecutorTests.isHome)
            seen.append(await ExecutorTests.concurrent())
            return seen
        }
    }

    actor Resident {
        let loop: EventLoop
        private(set) var count = 0

        init(loop: EventLoop) { self.loop = loop }

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            loop.serialExecutor.asUnownedSerialExecutor()
        }

        func increase() async -> Bool {
            preconditionIsolated()
            loop.serialExecutor.preconditionIsolated()
            count += 1
            await Task.yield()
            return loop.isCurrent
        }

        func bump() { count += 1 }

        nonisolated func assumeAndCount() -> Int { assumeIsolated { $0.count } }
    }

    private func onHome(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await onLoop {
            try await Self.$home.withValue(currentLoop) { try await body() }
            #expect(currentLoop.isCurrent)
        }
    }

    @Test func `nonisolated async functions run on the loop (H13)`() async throws {
        try await onHome {
            #expect(await Self.plain())
            #expect(await Self.concurrent())
            await Task.yield()
            #expect(Self.isHome)
        }
    }

    @Test func `async let and task groups run on the loop (H13)`() async throws {
        try await onHome {
            async let one = Self.isHome
            async let two = Self.concurrent()
            let seen = await [one, two]
            #expect(seen == [true, true])
            let all = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        await Task.yield()
                        return Self.isHome
                    }
                }
                return await group.reduce(true) { $0 && $1 }
            }
            #expect(all)
        }
    }

    @Test func `an ordinary actor called from the loop runs on the loop (H13)`() async throws {
        try await onHome {
            let actor = Ordinary()
            #expect(await actor.look() == [true, true, true])
            let many = spawn { await actor.look() }
            #expect(await many.value == [true, true, true])
        }
    }

    @Test func `an actor with the loop's serial executor runs there, from anywhere (H13 H10)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let actor = Resident(loop: loop)
        for _ in 0..<50 { #expect(await actor.increase()) }
        try await onLoop {
            #expect(await actor.increase())
            #expect(!loop.isCurrent && currentLoop.isCurrent)
        }
        #expect(try await loop.run { actor.assumeAndCount() } == 51)
        try await loop.shutdown()
    }

    @Test func `an actor keeps its loop's executor usable after everybody else has let go (H7 H9)`()
        async throws
    {
        var loop: EventLoop? = try EventLoop.start(configuration: .quiet)
        let actor = Resident(loop: try #require(loop))
        _ = await actor.increase()
        try await loop?.shutdown()
        loop = nil
        // Late jobs of the actor run, one at a time, on the drain thread.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = await actor.increaseAnywhere() } }
        }
        #expect(await actor.count == 51)
    }

    @Test func `the serial executor knows whether code is on its loop (H16)`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let mine = currentLoop.serialExecutor
            mine.preconditionIsolated()
            #expect(mine.isIsolatingCurrentContext() == true)
            #expect(other.serialExecutor.isIsolatingCurrentContext() == false)
            try await other.run {
                #expect(mine.isIsolatingCurrentContext() == false)
                other.serialExecutor.preconditionIsolated()
            }
        }
        #expect(other.serialExecutor.isIsolatingCurrentContext() == false)
        try await other.shutdown()
    }

    @Test func `assuming isolation elsewhere ends the process (H16)`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop.start(configuration: .quiet)
            loop.serialExecutor.preconditionIsolated()
        }
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop.start(configuration: .quiet)
            let actor = Resident(loop: loop)
            try await onLoop { _ = actor.assumeAndCount() }
        }
    }

    @Test func `plain Task sleep from a clock is a timer of the loop, and never early (H14 S305)`()
        async throws
    {
        try await onLoop {
            let loop = currentLoop
            let before = loop.statistics.timersFired
            let start = ContinuousClock.now
            try await Task.sleep(for: .milliseconds(2))
            try await Task.sleep(until: .now + .milliseconds(1), clock: .suspending)
            #expect(ContinuousClock.now - start >= .milliseconds(3))
            #expect(loop.statistics.timersFired - before == 2)
            #expect(loop.isCurrent)
        }
    }

    @Test func `a plain Task sleep ends without a detour over another thread (H14)`() async throws {
        try await onLoop {
            let loop = EventLoop.current!
            let before = loop.statistics
            for _ in 0..<5 { try await Task.sleep(for: .microseconds(100)) }
            #expect(loop.statistics.remoteEnqueues == before.remoteEnqueues)
            #expect(loop.statistics.timersFired == before.timersFired + 5)
        }
    }

    @Test func `a cancelled plain Task sleep ends at once (H14)`() async throws {
        try await onLoop {
            let task = spawn { try await Task.sleep(for: .milliseconds(500)) }
            try await settle(3)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The runtime's timer stays until it is due: nobody may be harmed by it.
            try await until { currentLoop.statistics.armedTimers == 0 }
        }
    }
}

extension ExecutorTests.Resident {
    /// As `increase`, where the loop has ended: the isolation holds, the loop does not run.
    func increaseAnywhere() async {
        let seen = count
        bump()
        #expect(count == seen + 1)
    }
}
