import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// The tasks of a loop, and their tree: S181, S685, S686.
@Suite(.watched)
struct SnapshotTests {
    private static func task(
        _ id: UInt64, _ state: TaskSnapshot.State = .suspended, parent: UInt64? = nil
    ) -> TaskSnapshot {
        TaskSnapshot(
            id: id, name: "t\(id)", state: state, parent: parent, isChild: false,
            isCancelled: false)
    }

    private static func waiting(for holders: UInt64...) -> TaskSnapshot.State {
        .waiting(.init(what: "lock", elapsed: .seconds(1), holders: holders))
    }

    @Test func `the tree has each task below its parent (S686)`() {
        let snapshot = EventLoop.Snapshot(
            loop: "net",
            tasks: [
                Self.task(1, .running), Self.task(2, .ready, parent: 1),
                Self.task(3, Self.waiting(for: 2), parent: 2), Self.task(4, parent: 1),
                Self.task(5, parent: 99),
            ])
        #expect(
            snapshot.description == """
                event loop 'net': 5 tasks
                #1 t1: running
                ├─ #2 t2: ready
                │  └─ #3 t3: waits for lock, for 1.0 seconds → #2 t2
                └─ #4 t4: suspended
                #5 t5: suspended
                """)
        #expect(snapshot.cycles == [])
    }

    @Test func `circles are reported, not followed (S685)`() {
        let waits = EventLoop.Snapshot(
            loop: nil,
            tasks: [
                Self.task(1, Self.waiting(for: 2)), Self.task(2, Self.waiting(for: 3)),
                Self.task(3, Self.waiting(for: 2)), Self.task(4, Self.waiting(for: 4)),
            ])
        #expect(waits.cycles == [[2, 3], [4]])
        #expect(waits.description.contains("these wait for each other: #2 t2 → #3 t3 → #2 t2"))
        let parents = EventLoop.Snapshot(
            loop: nil, tasks: [Self.task(1, parent: 2), Self.task(2, parent: 1)])
        #expect(parents.description.contains("a circle of parents:"))
        #expect(parents.description.contains("#1 t1 again"))
    }

    @Test func `a snapshot says who waits for what, since when, and who spawned whom (S686)`()
        async throws
    {
        try await withVirtualTime {
            let semaphore = try AsyncSemaphore(0)
            let outer = spawn(name: "outer") {
                let inner = spawn(name: "inner") { try await semaphore.acquire() }
                try await inner.value
            }
            let idle = spawn(name: "idle") { await withUnsafeContinuation { Self.kept.append($0) } }
            try await waitUntilAllBlocked()
            try await VirtualTime.advance(by: .seconds(3))
            spawn(name: "fresh") {}
            let tasks = EventLoop.current!.tasks.tasks
            func find(_ name: String) throws -> TaskSnapshot {
                try #require(tasks.first { $0.name == name })
            }
            #expect(try find("main").state == .running)
            #expect(try find("idle").state == .suspended)
            // Its name is known from its first step on.
            #expect(tasks.count { $0.state == .ready } == 1)
            #expect(
                try find("inner").state
                    == .waiting(
                        .init(
                            what: "AsyncSemaphore.acquire", elapsed: .seconds(3), holders: [])))
            let inner = try find("inner")
            #expect(inner.parent == (try find("outer").id))
            #expect(try find("outer").parent == (try find("main").id))
            guard case .waiting(let wait) = try find("outer").state else {
                Issue.record("outer does not wait")
                return
            }
            #expect(wait.holders == [inner.id])
            try semaphore.release()
            try await outer.value
            Self.kept.elements[0].resume()
            await idle.value
        }
    }

    private static let kept = Recorder<UnsafeContinuation<Void, Never>>()

    /// The number of the running task, from within.
    private static func ownNumber() throws -> UInt64 {
        let loop = try #require(EventLoop.current)
        return try #require(loop.tasks.tasks.first { $0.state == .running }).id
    }

    @Test func `each task has a number of its own from its first step to its clean-up (S181)`()
        async throws
    {
        let numbers = Recorder<UInt64>()
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        for loop in loops {
            try await loop.run {
                let tasks = (0..<50).map { _ in
                    spawn {
                        let number = try Self.ownNumber()
                        defer { numbers.append(number) }
                        try await yield()
                        #expect(try Self.ownNumber() == number)
                        do { try await sleep(for: .hour) } catch {
                            #expect(try Self.ownNumber() == number)
                            await spawn { try? await yield() }.value
                            #expect(try Self.ownNumber() == number)
                        }
                    }
                }
                try await settle(4)
                let listed = Set(loop.tasks.tasks.map(\.id))
                for task in tasks { task.cancel() }
                for task in tasks { try await task.value }
                #expect(listed.isSuperset(of: numbers.elements.suffix(50)))
            }
        }
        for loop in loops { try await loop.shutdown() }
        #expect(numbers.count == 100)
        #expect(Set(numbers.elements).count == 100, "also on two loops")
    }

    @Test func `all who await a task are seen to do so`() async throws {
        try await onLoop {
            let gate = AsyncEvent()
            let inner = spawn(name: "inner") { try await gate.wait() }
            let readers = (1...3).map { number in
                spawn(name: "reader \(number)") { try await inner.value }
            }
            try await settle()
            let text = "\(currentLoop.tasks)"
            for number in 1...3 {
                #expect(text.contains("reader \(number): waits for the value of 'inner'"))
            }
            gate.set()
            _ = try await gather(readers)
        }
    }

    @Test func `one who awaits a task that cannot fail is seen to do so (S686)`() async throws {
        try await withVirtualTime {
            let gate = try AsyncSemaphore(0)
            let inner = spawn(name: "inner") { () async -> Void in try? await gate.acquire() }
            let outer = spawn(name: "outer") { await inner.value }
            try await waitUntilAllBlocked()
            let text = "\(EventLoop.current!.tasks)"
            #expect(text.contains("outer: waits for the value of 'inner'"))
            try gate.release()
            await outer.value
        }
    }

    @Test func `a loop is asked from elsewhere, and one that is stuck keeps nobody`()
        async throws
    {
        var configuration = EventLoop.Configuration.quiet
        configuration.debug = true
        configuration.slowJobThreshold = .seconds(3600)
        let loop = try EventLoop.start(name: "asked", configuration: configuration)
        let sleeper = loop.spawn(name: "sleeper") { try await sleep(for: .hour) }
        _ = try await loop.run { try await settle() }
        let snapshot = try await loop.snapshot(timeout: .seconds(30))
        #expect(snapshot.loop == "asked")
        #expect(snapshot.tasks.contains { $0.name == "sleeper" })
        let (stuck, gate) = (ThreadGate(), ThreadGate())
        let blocker = loop.spawn(name: "blocker") {
            stuck.open()
            gate.wait()
        }
        try await onThread { stuck.wait() }
        let error = await #expect(throws: EventLoopError.self) {
            try await loop.snapshot(timeout: .milliseconds(1))
        }
        #expect("\(error!)".contains("'blocker'"))
        gate.open()
        await blocker.value
        sleeper.cancel()
        try await loop.shutdown()
    }
}
