import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// A run whose tasks wait for what cannot come.
@Suite(.watched)
struct RanDryTests {
    /// Does not wait long for other threads, of which these tests have none.
    static var impatient: VirtualTime.Options {
        var options = VirtualTime.Options()
        options.patience = .milliseconds(1)
        return options
    }

    /// The error of a run that is to run dry.
    static func ranDry(
        _ options: VirtualTime.Options = impatient,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> RanDry {
        try #require(
            await #expect(throws: RanDry.self) { try await withVirtualTime(options, body) })
    }

    @Test func `it says who waits for what since when, and all is unwound`() async throws {
        let ended = Recorder<String>()
        let error = try await Self.ranDry {
            let semaphore = try AsyncSemaphore(0)
            defer { ended.append("main") }
            spawn(name: "worker") {
                defer { ended.append("worker") }
                try await sleep(for: .seconds(5))
                try await semaphore.acquire()
            }
            try await semaphore.acquire()
        }
        #expect(
            error.waits == [
                .init(task: "main", what: "AsyncSemaphore.acquire", since: .zero),
                .init(task: "worker", what: "AsyncSemaphore.acquire", since: .seconds(5)),
            ])
        #expect(error.time == .seconds(5))
        #expect(Set(ended.elements) == ["main", "worker"])
        #expect(
            "\(error)" == """
                ran dry at 5.0 seconds: these tasks wait for what cannot come
                  'main' waits for AsyncSemaphore.acquire, since 0.0 seconds
                  'worker' waits for AsyncSemaphore.acquire, since 5.0 seconds
                """)
    }

    @Test func `tasks that wait for each other's values are said to`() async throws {
        let error = try await Self.ranDry {
            let stuck = spawn(name: "stuck") { try await AsyncSemaphore(0).acquire() }
            let waiter = spawn(name: "waiter") { try await stuck.value }
            try await waiter.value
        }
        #expect(
            error.waits == [
                .init(task: "main", what: "the value of 'waiter'", since: .zero),
                .init(task: "stuck", what: "AsyncSemaphore.acquire", since: .zero),
                .init(task: "waiter", what: "the value of 'stuck'", since: .zero),
            ])
    }

    @Test func `a wait that AsyncCore does not know of is said to be one`() async throws {
        let error = try await Self.ranDry {
            let group = spawn(name: "group") {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await AsyncSemaphore(0).acquire() }
                }
            }
            await group.value
        }
        #expect(error.waits.contains(.init(task: "group", what: nil, since: nil)))
        #expect("\(error)".contains("'group' waits for something that AsyncCore does not know of"))
    }

    @Test func `child tasks and tasks without a name are listed, too`() async throws {
        let error = try await Self.ranDry {
            async let child: Void = AsyncSemaphore(0).acquire()
            spawn { try await AsyncSemaphore(0).acquire() }
            try await child
        }
        #expect(error.waits.count { $0.task == nil && $0.what == "AsyncSemaphore.acquire" } == 2)
        #expect("\(error)".contains("a task without a name waits for AsyncSemaphore.acquire"))
    }

    @Test func `tasks that wait again in their clean-up are stopped`() async throws {
        let ended = Recorder<String>()
        let error = try await Self.ranDry {
            spawn(name: "stubborn") {
                try? await AsyncSemaphore(0).acquire()
                // A new task, which the cancellation does not reach.
                let again = spawn { try await AsyncSemaphore(0).acquire() }
                ended.append("again")
                _ = await again.result
                ended.append("stubborn")
            }
            try await AsyncSemaphore(0).acquire()
        }
        #expect(error.waits.map(\.task) == ["main", "stubborn"])
        #expect(ended.elements == ["again", "stubborn"])
    }

    @Test func `a task that nothing of the loop can end is left behind`() async throws {
        let left = Recorder<UnsafeContinuation<Void, Never>>()
        let ended = Recorder<Int>()
        let error = try await Self.ranDry {
            spawn(name: "lost") {
                await withUnsafeContinuation { left.append($0) }
                ended.append(1)
            }
            try await AsyncSemaphore(0).acquire()
        }
        #expect(error.waits.contains(.init(task: "lost", what: nil, since: nil)))
        #expect(ended.count == 0)
        // It is not lost for good: whoever resumes it later lets it end.
        left.elements[0].resume()
        try await until { ended.count == 1 }
    }

    @Test func `a main body that nothing can end is left behind, too`() async throws {
        let left = Recorder<UnsafeContinuation<Void, Never>>()
        let ended = Recorder<Int>()
        let error = try await Self.ranDry {
            await withUnsafeContinuation { left.append($0) }
            ended.append(1)
        }
        #expect(error.waits == [.init(task: "main", what: nil, since: nil)])
        left.elements[0].resume()
        try await until { ended.count == 1 }
    }

    @Test func `tasks that do not end after the body has are found, too`() async throws {
        let left = Recorder<UnsafeContinuation<Void, Never>>()
        let error = try await Self.ranDry {
            spawn(name: "lingering") { await withUnsafeContinuation { left.append($0) } }
            try await waitUntilAllBlocked()
        }
        #expect(error.waits == [.init(task: "lingering", what: nil, since: nil)])
        left.elements[0].resume()
    }

    @Test func `another thread that is slow is waited for, within the patience`() async throws {
        try await withVirtualTime {
            try await onThread { for _ in 0..<20 { Self.threadYield() } }
        }
    }

    @Test func `the seed of the run is part of it`() async throws {
        let failure = await #expect(throws: SeedFailure.self) {
            try await withSeeds(3, options: Self.impatient) { seed in
                if seed == 2 { try await AsyncSemaphore(0).acquire() }
            }
        }
        #expect(failure?.seed == 2)
        #expect((failure?.error as? RanDry)?.seed == 2)
        #expect("\(failure!)".contains("ran dry at 0.0 seconds"))
    }

    private static func threadYield() { for _ in 0..<1_000 { _ = ContinuousClock.now } }
}
