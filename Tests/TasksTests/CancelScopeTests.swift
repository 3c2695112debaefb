import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Cancel scopes on a loop: S163, S262-S264, S266, S268, S275, S276, S281, S282,
/// S288, S298, S301, S302, L10.
@Suite(.watched)
struct CancelScopeTests {
    @Test func `a body that is not cancelled has its value returned, and leaves nothing behind`()
        async throws
    {
        try await onFakeClock {
            let value = try await withCancelScope(timeout: .hour) { scope in
                #expect(armedTimers() == 1)
                #expect(EventLoop.current != nil)
                #expect(!scope.isCancelled && scope.reason == nil)
                return 5
            }
            #expect(value == 5)
            #expect(armedTimers() == 0)
            await #expect(throws: Failure(number: 1)) {
                try await withCancelScope { _ in throw Failure(number: 1) }
            }
        }
    }

    @Test
    func `a scope cancelled from inside ends at each suspension, until it is left (S262, S263)`()
        async throws
    {
        try await onFakeClock {
            let failures = Recorder<Int>()
            let value: Int? = try await withCancelScope { scope in
                scope.cancel()
                scope.cancel()
                for number in 0..<3 {
                    do { try await yield() } catch { failures.append(number) }
                }
                try await sleep(for: .hour)
                return 1
            }
            #expect(value == nil)
            #expect(failures.elements == [0, 1, 2])
            // The task works normally afterwards, and can be cancelled again.
            #expect(!Task.isCancelled)
            try await yield()
            let second: Void? = try await withCancelScope {
                $0.cancel()
                try await yield()
            }
            #expect(second == nil)
        }
    }

    @Test func `a scope cancelled by another task, or before it is entered (S266)`() async throws {
        try await onFakeClock {
            let scope = CancelScope()
            let body = spawn { try await scope.run { try await sleep(for: .hour) } }
            try await settle()
            scope.cancel("by another")
            let ended: Void? = try await body.value
            #expect(ended == nil)
            #expect(scope.reason == "by another")

            let steps = Recorder<Int>()
            let early = CancelScope(timeout: .hour)
            early.cancel()
            let value: Void? = try await early.run {
                steps.append(1)
                try await yield()
                steps.append(2)
            }
            #expect(value == nil)
            #expect(steps.elements == [1])
        }
    }

    @Test func `a body that swallows the cancellation, or ends before it sees it, has its value`()
        async throws
    {
        try await onFakeClock {
            let swallowed = try await withCancelScope { scope in
                scope.cancel()
                try? await yield()
                return 2
            }
            #expect(swallowed == 2)
            await #expect(throws: Failure(number: 3)) {
                try await withCancelScope { scope in
                    scope.cancel()
                    throw Failure(number: 3)
                }
            }
        }
    }

    @Test func `a body that throws a cancellation of its own is not taken for a cancelled scope`()
        async throws
    {
        try await onFakeClock {
            await #expect(throws: CancellationError.self) {
                try await withCancelScope { _ in throw CancellationError() }
            }
        }
    }

    @Test func `the caller's cancellation cancels the body, and is thrown (S224)`() async throws {
        try await onFakeClock {
            let scope = CancelScope(timeout: .hour)
            let caller = spawn { try await scope.run { try await sleep(for: .hour * 2) } }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(!scope.isCancelled)
            let before = spawn { try await withCancelScope { _ in try await sleep(for: .hour) } }
            before.cancel()
            await #expect(throws: CancellationError.self) { try await before.value }
        }
    }

    @Test func `of scopes cancelled together the outermost catches (S264)`() async throws {
        try await onFakeClock {
            let steps = Recorder<String>()
            let outer = CancelScope()
            let inner = CancelScope()
            let value: Void? = try await outer.run {
                do {
                    try await inner.run {
                        inner.cancel()
                        outer.cancel()
                        try await yield()
                    }
                    steps.append("not reached")
                } catch {
                    steps.append("\(type(of: error))")
                    throw error
                }
            }
            #expect(value == nil)
            #expect(steps.elements == ["CancellationError"])
            #expect(outer.isCancelled && inner.isCancelled)
        }
    }

    @Test func `each body knows its own end from one that comes from outside (S163)`()
        async throws
    {
        // asyncio counts requests for that. Here each scope knows who ended it.
        try await onFakeClock {
            for cancelled in ["inner", "outer", "caller"] {
                let (outer, inner) = (CancelScope(), CancelScope())
                let steps = Recorder<String>()
                let caller = spawn {
                    try await outer.run {
                        let value: Void? = try await inner.run { try await sleep(for: .hour) }
                        steps.append("inner \(value == nil)")
                        try await yield()
                    }
                    steps.append("outer")
                    try await yield()
                    steps.append("caller")
                }
                try await settle()
                switch cancelled {
                case "inner": inner.cancel()
                case "outer": outer.cancel()
                default: caller.cancel()
                }
                let result = await caller.result
                switch cancelled {
                case "inner": #expect(steps.elements == ["inner true", "outer", "caller"])
                case "outer": #expect(steps.elements == ["outer", "caller"])
                default:
                    #expect(steps.elements == [])
                    #expect(throws: CancellationError.self) { try result.get() }
                }
                #expect(inner.isCancelled == (cancelled == "inner"))
                #expect(outer.isCancelled == (cancelled == "outer"))
            }
        }
    }

    @Test func `a cancelled body that does not leave gives the loop no work (S282)`() async throws {
        try await onFakeClock {
            let scope = CancelScope()
            let body = spawn {
                try await scope.run {
                    scope.cancel()
                    await withShield { try? await sleep(for: .seconds(100)) }
                }
            }
            try await settle()
            let before = EventLoop.current!.statistics
            try await sleep(for: .seconds(50))
            let after = EventLoop.current!.statistics
            #expect(after.turns - before.turns <= 2)
            #expect(after.jobs - before.jobs <= 2)
            // The body did not look: it has its value.
            let value: Void? = try await body.value
            #expect(value != nil && fakeNow() == 100)
            // Nor does a scope that nobody is in any more.
            scope.cancel()
            let idle = EventLoop.current!.statistics
            try await sleep(for: .seconds(50))
            #expect(EventLoop.current!.statistics.turns - idle.turns <= 2)
        }
    }

    @Test func `children of a group, and of async let, are cancelled with the scope (S268)`()
        async throws
    {
        try await onFakeClock {
            let ended = Recorder<Int>()
            let value: Void? = try await withCancelScope { scope in
                async let one: Void = {
                    defer { ended.append(0) }
                    try await sleep(for: .hour)
                }()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 1...3 {
                        group.addTask {
                            defer { ended.append(number) }
                            try await sleep(for: .hour)
                        }
                    }
                    group.addTask {
                        try await settle()
                        scope.cancel()
                    }
                    try await group.waitForAll()
                }
                try await one
            }
            #expect(value == nil)
            #expect(ended.elements.sorted() == [0, 1, 2, 3])
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-3), .seconds(2)])
    func `the deadline ends the body: nil, not an error (S288, S293)`(timeout: Duration)
        async throws
    {
        try await onFakeClock {
            let scope = CancelScope(timeout: timeout)
            let value: Void? = try await scope.run { try await sleep(for: .hour) }
            #expect(value == nil)
            #expect(fakeNow() == max(0, timeout / .seconds(1)))
            #expect(scope.reason?.source == .deadline)
            #expect(!Task.isCancelled)
        }
    }

    @Test func `a timeout counts from the entry, not from the making (S298)`() async throws {
        try await onFakeClock {
            let scope = CancelScope(timeout: .seconds(2))
            #expect(scope.deadline == nil)
            try await sleep(for: .seconds(5))
            try await scope.run { try await sleep(for: .hour) }
            #expect(fakeNow() == 7)
        }
    }

    @Test func `of timeout and deadline the earlier counts; none is for ever (S287)`() async throws
    {
        try await onFakeClock {
            try await withCancelScope(timeout: .seconds(3), deadline: .now + .hour) { _ in
                try await sleep(for: .hour)
            }
            #expect(fakeNow() == 3)
            try await withCancelScope(timeout: .hour, deadline: .now - .seconds(1)) { _ in
                try await sleep(for: .hour)
            }
            #expect(fakeNow() == 3)
            let value = try await withCancelScope { scope in
                #expect(scope.deadline == nil)
                #expect(armedTimers() == 0)
                try await sleep(for: .hour)
                return 1
            }
            #expect(value == 1)
        }
    }

    @Test func `many scopes with one deadline all end (S276)`() async throws {
        try await onFakeClock {
            let tasks = (0..<600).map { _ in
                spawn {
                    try await withCancelScope(timeout: .seconds(1)) { _ in
                        try await sleep(for: .hour)
                    }
                }
            }
            for task in tasks {
                let value: Void? = try await task.value
                #expect(value == nil)
            }
            #expect(fakeNow() == 1)
        }
    }

    @Test func `nested scopes and timeouts with one deadline: the outermost counts (S289, L10)`()
        async throws
    {
        try await onFakeClock {
            let seen = Recorder<String>()
            let value: Void? = try await withCancelScope(timeout: .seconds(1)) { _ in
                do {
                    try await withTimeout(.seconds(1)) {
                        do {
                            try await withCancelScope(timeout: .seconds(1)) { _ in
                                try await sleep(for: .hour)
                            }
                            seen.append("caught inside")
                        } catch {
                            seen.append("\(type(of: error))")
                            throw error
                        }
                    }
                } catch {
                    seen.append("\(type(of: error))")
                    throw error
                }
            }
            #expect(value == nil)
            #expect(seen.elements == ["CancellationError", "CancellationError"])
        }
    }

    @Test func `a value that is ready exactly at the deadline wins (L4)`() async throws {
        try await onFakeClock {
            let value = try await withCancelScope(timeout: .seconds(1)) { _ in
                try await sleep(for: .seconds(1))
                return 4
            }
            #expect(value == 4)
        }
    }

    @Test func `the cause stays: by hand before the deadline, which passes in the clean-up (S302)`()
        async throws
    {
        try await onFakeClock {
            let scope = CancelScope(timeout: .seconds(1))
            try await scope.run {
                scope.cancel("by hand")
                do { try await yield() } catch {
                    await spawn { try? await sleep(for: .seconds(5)) }.value
                    throw error
                }
            }
            #expect(scope.reason == "by hand")
            #expect(fakeNow() == 5)
        }
    }

    @Test func `a reason says who, and why; the first stays (S281)`() async throws {
        try await onFakeClock {
            let scope = CancelScope()
            try await scope.run {
                scope.cancel("first")
                scope.cancel("second")
                try await yield()
            }
            #expect(scope.reason == CancellationReason(.program, message: "first"))
            scope.cancel("after the end")
            #expect(scope.reason?.message == "first")
            let unused = CancelScope()
            try await unused.run {}
            unused.cancel()
            #expect(!unused.isCancelled)
            let words = "\(CancellationReason(.deadline)), \(CancellationReason("tired"))"
            #expect(words == "the deadline passed, cancelled: tired")
        }
    }

    @Test func `a scope that is entered twice is a mistake of the program (S243, S296)`() async {
        await #expect(processExitsWith: .failure) {
            try EventLoop.run {
                let scope = CancelScope()
                try await scope.run {}
                try await scope.run {}
            }
        }
    }
}
