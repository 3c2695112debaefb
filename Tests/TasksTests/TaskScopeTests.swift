import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Task scopes: S229, S230, S238, S240, S241, S243, S244, S251, S252, S268, S297.
@Suite(.watched)
struct TaskScopeTests {
    @Test func `a scope ends when all children have, and gives the body's value (S229)`()
        async throws
    {
        try await onFakeClock {
            let ended = Recorder<Int>()
            let value = try await withTaskScope { scope in
                for number in 1...3 {
                    scope.spawn {
                        try await sleep(for: .seconds(number))
                        ended.append(number)
                    }
                }
                return 7
            }
            #expect(value == 7)
            #expect(ended.elements == [1, 2, 3])
            #expect(fakeNow() == 3)
            #expect(!Task.isCancelled)
        }
    }

    @Test func `children's values come through their handles`() async throws {
        try await onFakeClock {
            let sum = try await withTaskScope { scope in
                let handles = (1...3).map { number in
                    scope.spawn(name: "number \(number)") {
                        try await settle(number)
                        return number
                    }
                }
                #expect(handles[0].name == "number 1")
                return try await gather(handles).reduce(0, +)
            }
            #expect(sum == 6)
        }
    }

    @Test func `children add children while the scope closes (S229)`() async throws {
        try await onFakeClock {
            let ended = Recorder<Int>()
            @Sendable func descend(_ scope: TaskScope, _ depth: Int) async throws {
                try await sleep(for: .seconds(1))
                if depth > 0 { scope.spawn { try await descend(scope, depth - 1) } }
                ended.append(depth)
            }
            try await withTaskScope { scope in
                scope.spawn { try await descend(scope, 3) }
            }
            #expect(ended.elements == [3, 2, 1, 0])
            #expect(fakeNow() == 4)
        }
    }

    @Test func `a failing child cancels its siblings and the body, which are awaited (S230, S238)`()
        async throws
    {
        try await onFakeClock {
            let cleaned = Recorder<String>()
            @Sendable func work(_ name: String) async throws {
                do { try await sleep(for: .hour) } catch {
                    await withShield { try? await sleep(for: .seconds(2)) }
                    cleaned.append(name)
                    throw error
                }
            }
            await #expect(throws: Failure(number: 1)) {
                try await withTaskScope { scope in
                    scope.spawn { try await work("sibling") }
                    scope.spawn {
                        try await sleep(for: .seconds(1))
                        throw Failure(number: 1)
                    }
                    try await work("body")
                }
            }
            #expect(cleaned.elements.sorted() == ["body", "sibling"])
            #expect(fakeNow() == 3)
            // The scope's own use of cancellation does not leak.
            #expect(!Task.isCancelled)
            try await yield()
        }
    }

    @Test func `a failing body cancels the children (S230)`() async throws {
        try await onFakeClock {
            let scope = Recorder<TaskScope>()
            await #expect(throws: Failure(number: 2)) {
                try await withTaskScope {
                    scope.append($0)
                    $0.spawn { try await sleep(for: .hour) }
                    throw Failure(number: 2)
                }
            }
            #expect(scope.elements[0].cancelScope.reason?.source == .failure)
            #expect(fakeNow() == 0)
        }
    }

    @Test func `a child that is cancelled alone, or gives up, has not failed (S230)`() async throws
    {
        try await onFakeClock {
            let value = try await withTaskScope { scope in
                let cancelled = scope.spawn { try await sleep(for: .hour) }
                scope.spawn { throw CancellationError() }
                try await settle()
                cancelled.cancel()
                await #expect(throws: CancellationError.self) { try await cancelled.value }
                #expect(!scope.isCancelled)
                return 1
            }
            #expect(value == 1)
        }
    }

    @Test func `a body that throws a cancellation of its own ends the scope with that`()
        async throws
    {
        try await onFakeClock {
            await #expect(throws: CancellationError.self) {
                try await withTaskScope { scope in
                    scope.spawn { try await sleep(for: .hour) }
                    throw CancellationError()
                }
            }
            #expect(!Task.isCancelled)
            #expect(fakeNow() == 0)
        }
    }

    @Test func `a scope cancelled by hand ends, without an error`() async throws {
        try await onFakeClock {
            let ended = Recorder<Int>()
            // By the body, which has its value.
            let value = try await withTaskScope { scope in
                scope.spawn {
                    defer { ended.append(1) }
                    try await sleep(for: .hour)
                }
                try await settle()
                scope.cancel("enough")
                return 5
            }
            #expect(value == 5)
            // By a child, and the body, which has no value to give, is at work.
            try await withTaskScope { scope in
                scope.spawn { scope.cancel() }
                try await sleep(for: .hour)
            }
            // The same, and there would have been a value.
            await #expect(throws: ScopeCancelledError("no more")) {
                try await withTaskScope { scope in
                    scope.spawn { scope.cancel("no more") }
                    try await sleep(for: .hour)
                    return 6
                }
            }
            #expect(ended.elements == [1])
            #expect(fakeNow() == 0)
        }
    }

    @Test
    func `in a cancelled scope a child starts, and ends at its first suspension (S241, S251)`()
        async throws
    {
        // asyncio refuses new tasks while a group fails; trio, and we, start them cancelled.
        try await onFakeClock {
            let steps = Recorder<Int>()
            try await withTaskScope { scope in
                scope.cancel()
                scope.spawn {
                    steps.append(1)
                    try await yield()
                    steps.append(2)
                }
                await withShield { try? await settle(3) }
                scope.spawn {
                    defer { steps.append(3) }
                    try await sleep(for: .hour)
                }
            }
            #expect(steps.elements == [1, 3])
        }
    }

    @Test func `an inner failure goes to the outer scope, an outer one ends the inner (S240)`()
        async throws
    {
        try await onFakeClock {
            let log = Recorder<String>()
            await #expect(throws: Failure(number: 1)) {
                try await withTaskScope { outer in
                    outer.spawn {
                        do { try await sleep(for: .hour) } catch { log.append("sibling") }
                    }
                    try await withTaskScope { inner in
                        inner.spawn {
                            try await settle()
                            throw Failure(number: 1)
                        }
                    }
                }
            }
            await #expect(throws: Failure(number: 2)) {
                try await withTaskScope { outer in
                    outer.spawn {
                        try await settle()
                        throw Failure(number: 2)
                    }
                    do {
                        try await withTaskScope { inner in
                            inner.spawn {
                                do { try await sleep(for: .hour) } catch {
                                    log.append("grandchild")
                                    throw error
                                }
                            }
                        }
                    } catch {
                        log.append("\(type(of: error))")
                        throw error
                    }
                }
            }
            #expect(log.elements == ["sibling", "grandchild", "CancellationError"])
        }
    }

    @Test func `a cancelled caller ends the scope; all ended well, it has its value (S224)`()
        async throws
    {
        try await onFakeClock {
            let caller = spawn {
                try await withTaskScope { scope in
                    scope.spawn { try await sleep(for: .hour) }
                    return 1
                }
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }

            let stubborn = spawn {
                try await withTaskScope { scope in
                    scope.spawn { try? await sleep(for: .hour) }
                    return Task.isCancelled ? 1 : 2
                }
            }
            try await settle()
            stubborn.cancel()
            #expect(try await stubborn.value == 2)
            #expect(stubborn.isCancelled)
        }
    }

    @Test func `the deadline ends body and children; what all ended well has its value (S297)`()
        async throws
    {
        try await onFakeClock {
            let ended = Recorder<Int>()
            await #expect(throws: TimeoutError.self) {
                try await withTaskScope(timeout: .seconds(2)) { scope in
                    for number in 0..<3 {
                        scope.spawn {
                            defer { ended.append(number) }
                            try await sleep(for: .hour)
                        }
                    }
                }
            }
            #expect(ended.count == 3)
            #expect(fakeNow() == 2)
            let value = try await withTaskScope(timeout: .seconds(1)) { scope in
                scope.spawn { try? await sleep(for: .hour) }
                return 4
            }
            #expect(value == 4)
            await #expect(throws: Failure(number: 9)) {
                try await withTaskScope(deadline: .now + .seconds(1)) { scope in
                    try? await sleep(for: .hour)
                    throw Failure(number: 9)
                }
            }
        }
    }

    @Test func `leaving an empty scope lets others run (S252)`() async throws {
        try await onFakeClock {
            let steps = Recorder<Int>()
            spawn { steps.append(1) }
            try await withTaskScope { _ in }
            steps.append(2)
            #expect(steps.elements == [1, 2])
        }
    }

    @Test func `a long-lived scope does not keep the children that have ended (S244)`()
        async throws
    {
        final class Payload: Sendable {}
        try await onFakeClock {
            try await withTaskScope { scope in
                weak var payload: Payload?
                do {
                    let value = Payload()
                    payload = value
                    scope.spawn { _ = value }
                }
                try await settle()
                #expect(payload == nil)
                #expect(
                    scope.statistics
                        == TaskScope.Statistics(running: 0, waiting: 0, spawned: 1, failed: 0))
            }
        }
    }

    @Test func `a scope that is over starts nothing (S241)`() async throws {
        try await onFakeClock {
            let kept = Recorder<TaskScope>()
            let steps = Recorder<Int>()
            try await withTaskScope { kept.append($0) }
            #expect(kept.elements[0].trySpawn { steps.append(1) } == nil)
            try await settle()
            #expect(steps.count == 0)
        }
        await #expect(processExitsWith: .failure) {
            try EventLoop.run {
                let kept = Recorder<TaskScope>()
                try await withTaskScope { kept.append($0) }
                kept.elements[0].spawn {}
            }
        }
    }

    @Test func `a scope outside of a loop, and one without room, are mistakes of the program`()
        async
    {
        await #expect(processExitsWith: .failure) { try await withTaskScope { _ in } }
        await #expect(processExitsWith: .failure) {
            try EventLoop.run { try await withTaskScope(limit: 0) { _ in } }
        }
    }

    @Test func `children are started from other threads, and run on the scope's loop`() async throws
    {
        try await onLoop {
            let loop = EventLoop.current
            let seen = Recorder<Bool>()
            try await withTaskScope { scope in
                let started = try AsyncSemaphore(0)
                try CurrentThread.start(name: "test") {
                    for _ in 0..<10 { scope.spawn { seen.append(EventLoop.current === loop) } }
                    try? started.release()
                }
                try await started.acquire()
            }
            #expect(seen.elements == [Bool](repeating: true, count: 10))
        }
    }

    @Test func `a stop of the loop ends a scope through its caller`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let ended = Recorder<String>()
        let caller = loop.spawn {
            try await withTaskScope { scope in
                scope.spawn {
                    do { try await sleep(for: .hour) } catch {
                        // Operations still work: this is the time for clean-up.
                        await withShield { try? await settle() }
                        ended.append("child")
                        throw error
                    }
                }
                try await settle()
                ended.append("body")
            }
        }
        while ended.count < 1 { try await yield() }
        try await loop.shutdown()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(ended.elements == ["body", "child"])
    }
}
