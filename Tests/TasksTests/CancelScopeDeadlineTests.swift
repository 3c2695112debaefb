import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Deadlines that are moved, and asked for: S275, S295, S301.
@Suite(.watched)
struct CancelScopeDeadlineTests {
    @Test func `a deadline is moved later, earlier, and away; the newest counts (S275)`()
        async throws
    {
        try await onFakeClock {
            try await withCancelScope(timeout: .seconds(2)) { scope in
                try await sleep(for: .seconds(1))
                #expect(scope.reschedule(after: .seconds(5)))
                #expect(armedTimers() == 1)
                try await sleep(for: .hour)
            }
            #expect(fakeNow() == 6)
            try await withCancelScope(timeout: .hour) { scope in
                scope.reschedule(after: .seconds(1))
                try await sleep(for: .hour)
            }
            #expect(fakeNow() == 7)
            let value = try await withCancelScope(timeout: .seconds(1)) { scope in
                scope.reschedule(after: nil)
                #expect(scope.deadline == nil)
                #expect(armedTimers() == 0)
                try await sleep(for: .seconds(3))
                return 3
            }
            #expect(value == 3)
            #expect(fakeNow() == 10)
        }
    }

    @Test func `a deadline in the past ends the body at its next suspension (S288)`() async throws {
        try await onFakeClock {
            for isRelative in [false, true] {
                let value: Void? = try await withCancelScope { scope in
                    if isRelative {
                        scope.reschedule(after: .seconds(-1))
                    } else {
                        scope.reschedule(at: .now - .seconds(1))
                    }
                    try await sleep(for: .hour)
                }
                #expect(value == nil)
                #expect(fakeNow() == 0)
            }
        }
    }

    @Test func `a task moves another one's deadline, with a sleep under way (S275)`() async throws {
        try await onFakeClock {
            let scope = CancelScope(timeout: .seconds(10))
            let body = spawn { try await scope.run { try await sleep(for: .hour) } }
            try await settle()
            #expect(scope.reschedule(at: .now + .seconds(2)))
            let value: Void? = try await body.value
            #expect(value == nil)
            #expect(1.99 < fakeNow() && fakeNow() < 2.01)
        }
    }

    @Test func `before the entry a deadline is set, too (S295 differs: asyncio refuses)`()
        async throws
    {
        try await onFakeClock {
            let scope = CancelScope(timeout: .hour)
            #expect(scope.reschedule(after: .seconds(2)))
            try await sleep(for: .seconds(1))
            try await scope.run { try await sleep(for: .hour) }
            #expect(fakeNow() == 3)
        }
    }

    @Test func `moving is refused while the scope ends, and after (S295)`() async throws {
        try await onFakeClock {
            let scope = CancelScope(timeout: .seconds(1))
            try await scope.run {
                do { try await sleep(for: .hour) } catch {
                    #expect(!scope.reschedule(after: .hour))
                    throw error
                }
            }
            #expect(!scope.reschedule(after: .hour))
            let quiet = CancelScope()
            try await quiet.run {}
            #expect(!quiet.reschedule(after: .hour))
            #expect(armedTimers() == 0)
        }
    }

    @Test func `a body that moves the deadline in the turn in which it passes has moved it`()
        async throws
    {
        try await onFakeClock {
            let value = try await withCancelScope(timeout: .seconds(1)) { scope in
                try await sleep(for: .seconds(1))
                // Both timers are due, and the scope has noticed; nothing is cancelled yet.
                #expect(scope.reschedule(after: .seconds(1)))
                try await sleep(for: .seconds(1))
                return 6
            }
            #expect(value == 6)
        }
    }

    @Test func `a timeout can be moved from inside, and still throws (S295, S301)`() async throws {
        try await onFakeClock {
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) { scope in
                    for _ in 0..<3 {
                        try await sleep(for: .milliseconds(900))
                        scope.reschedule(after: .seconds(1))
                    }
                    try await sleep(for: .hour)
                }
            }
            #expect(abs(fakeNow() - 3.7) < 0.001)
            let value = try await withDeadline(.now + .seconds(1)) { scope in
                scope.reschedule(at: nil)
                try await sleep(for: .hour)
                return 2
            }
            #expect(value == 2)
        }
    }

    @Test func `a timeout's scope cancelled by hand is no timeout (S301)`() async throws {
        try await onFakeClock {
            await #expect(throws: ScopeCancelledError("enough")) {
                try await withTimeout(.seconds(1)) { scope in
                    scope.cancel("enough")
                    try await sleep(for: .hour)
                }
            }
            let caller = spawn {
                try await withTimeout(.hour) { _ in try await sleep(for: .hour * 2) }
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
    }

    /// Seconds from now, rounded; nil for no deadline.
    private func effectiveSeconds() -> Double? {
        CancelScope.effectiveDeadline.map { deadline in
            (ContinuousClock.now.duration(to: deadline) / .seconds(1)).rounded()
        }
    }

    @Test func `the effective deadline is the earliest around the code, up to a shield (S269)`()
        async throws
    {
        try await onFakeClock {
            #expect(effectiveSeconds() == nil)
            try await withTimeout(.seconds(30)) {
                #expect(effectiveSeconds() == 30)
                try await withCancelScope(timeout: .seconds(60)) { scope in
                    #expect(effectiveSeconds() == 30)
                    scope.reschedule(after: .seconds(20))
                    #expect(effectiveSeconds() == 20)
                    async let child = effectiveSeconds()
                    #expect(await child == 20)
                    await withShield { #expect(effectiveSeconds() == nil) }
                    scope.reschedule(after: .seconds(90))
                    scope.isShielded = true
                    #expect(effectiveSeconds() == 90)
                    try await withTaskScope(timeout: .seconds(70)) { tasks in
                        #expect(effectiveSeconds() == 70)
                        let child = try await withTimeout(.seconds(5)) {
                            try await tasks.spawn { effectiveSeconds() }.value
                        }
                        #expect(child == 70)
                    }
                    scope.isShielded = false
                    scope.cancel()
                    let late = try #require(CancelScope.effectiveDeadline)
                    #expect(late <= .now)
                }
                #expect(effectiveSeconds() == 30)
            }
            #expect(effectiveSeconds() == nil)
        }
    }

    @Test func `a task that outlives its scope is told the deadline around that`() async throws {
        try await onFakeClock {
            let gate = try AsyncSemaphore(0)
            let outliving = try await withTimeout(.seconds(30)) {
                try await withTimeout(.seconds(20)) {
                    spawn {
                        try await gate.acquire()
                        return effectiveSeconds()
                    }
                }
            }
            try gate.release()
            #expect(try await outliving.value == nil)
        }
    }
}
