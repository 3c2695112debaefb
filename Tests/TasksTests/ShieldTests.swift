import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Shields: S209, S212, S225, S269-S272, S279.
@Suite(.watched)
struct ShieldTests {
    @Test func `a shielded body is finished, and the cancellation seen after it (S209, S269)`()
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<String>()
            let caller = spawn {
                let value = try await withShield {
                    try await sleep(for: .seconds(1))
                    #expect(!Task.isCancelled)
                    return 3
                }
                steps.append("\(value)")
                try await yield()
                steps.append("not reached")
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(steps.elements == ["3"])
            #expect(fakeNow() == 1)
        }
    }

    @Test func `a shield inside a cancelled task works, and may be called without try`()
        async throws
    {
        try await onFakeClock {
            let caller = spawn { () async -> Int in
                try? await sleep(for: .hour)
                await withShield { try? await sleep(for: .seconds(2)) }
                return Task.isCancelled ? 1 : 0
            }
            caller.cancel()
            #expect(await caller.value == 1)
            #expect(fakeNow() == 2)
            await #expect(throws: Failure(number: 2)) {
                try await withShield { throw Failure(number: 2) }
            }
            do throws(Failure) {
                try await withShield { () async throws(Failure) in throw Failure(number: 3) }
            } catch {
                #expect(error.number == 3)
            }
        }
    }

    @Test func `a shield holds while the loop ends, and its operations work`() async throws {
        let saved = Recorder<Int>()
        try await onLoop {
            spawn {
                do { try await sleep(for: .hour) } catch {
                    try await withShield {
                        try await settle()
                        try await withTaskScope { scope in
                            scope.spawn {
                                try await settle()
                                saved.append(1)
                            }
                        }
                        saved.append(2)
                    }
                }
            }
            try await settle()
        }
        #expect(saved.elements == [1, 2])
    }

    @Test func `a shielded scope hides outer cancellations and deadlines, not its own (S269)`()
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<Int>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) {
                    try await withCancelScope(timeout: .seconds(3), isShielded: true) { _ in
                        steps.append(1)
                        try await sleep(for: .seconds(2))
                        steps.append(2)
                        try await sleep(for: .hour)
                        steps.append(3)
                    }
                    // Its own deadline was caught; what is outside is seen here.
                    steps.append(4)
                    try await yield()
                    steps.append(5)
                }
            }
            #expect(steps.elements == [1, 2, 4])
            #expect(fakeNow() == 3)
        }
    }

    @Test func `a shield taken down lets a pending cancellation through (S270, S271)`()
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<Int>()
            let scope = CancelScope(isShielded: true)
            let caller = spawn {
                try await scope.run {
                    try await settle(3)
                    steps.append(1)
                    try await sleep(for: .hour)
                    steps.append(2)
                }
            }
            try await settle(10)
            caller.cancel()
            try await settle(10)
            #expect(steps.elements == [1])
            #expect(!caller.isFinished)
            // The sleep began under the shield, and is interrupted as it goes.
            scope.isShielded = false
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(steps.elements == [1])
            #expect(!scope.isCancelled)
        }
    }

    @Test func `a shield that goes up too late changes nothing (S270, S279)`() async throws {
        try await onFakeClock {
            let caller = spawn {
                try await withCancelScope { scope in
                    do { try await sleep(for: .hour) } catch {
                        scope.isShielded = true
                        scope.cancel()
                        #expect(Task.isCancelled)
                        throw error
                    }
                }
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
    }

    @Test func `a shield that goes up in time hides what comes later (S270)`() async throws {
        try await onFakeClock {
            let scope = CancelScope()
            let caller = spawn {
                try await scope.run {
                    scope.isShielded = true
                    try await sleep(for: .seconds(1))
                    return Task.isCancelled
                }
            }
            try await settle()
            caller.cancel()
            let wasCancelled = try await caller.value
            #expect(wasCancelled == false)
        }
    }

    @Test func `a suspension is interrupted unless a shield lies in between (S272)`() async throws {
        try await onFakeClock {
            for cancelled in 0..<3 {
                let scopes = [CancelScope(), CancelScope(isShielded: true), CancelScope()]
                let log = Recorder<Bool>()
                try await scopes[0].run {
                    try await scopes[1].run {
                        try await scopes[2].run {
                            scopes[cancelled].cancel()
                            log.append(Task.isCancelled)
                            try await yield()
                        }
                        log.append(Task.isCancelled)
                        try await yield()
                    }
                    log.append(Task.isCancelled)
                    try await yield()
                }
                let expected = [
                    // The outermost is hidden from both inner bodies.
                    [false, false, true], [true, false], [true, false, false],
                ]
                #expect(log.elements == expected[cancelled], "\(cancelled)")
            }
        }
    }

    @Test func `what cannot be broken off is asked once, and has its value (S279)`() async throws {
        try await onFakeClock {
            let asked = Recorder<Double>()
            let outer = CancelScope(timeout: .seconds(2))
            let inner = CancelScope(timeout: .seconds(3))
            let caller = spawn {
                try await outer.run {
                    try await inner.run {
                        await withTaskCancellationHandler {
                            await withShield { try? await sleep(for: .seconds(5)) }
                            return 7
                        } onCancel: {
                            asked.append(fakeNow())
                        }
                    }
                }
            }
            try await sleep(for: .seconds(1))
            inner.cancel()
            inner.cancel()
            outer.cancel()
            try await settle()
            caller.cancel()
            let value = try await caller.value
            #expect(value == 7)
            #expect(asked.elements == [1])
            #expect(fakeNow() == 5)
        }
    }

    @Test func `gather in a shield, and a shield in gather (S212)`() async throws {
        try await onFakeClock {
            let caller = spawn {
                try await withShield {
                    try await gather([1, 2, 3]) { number in
                        try await sleep(for: .seconds(number))
                        return number
                    }
                }
            }
            try await settle()
            caller.cancel()
            #expect(try await caller.value == [1, 2, 3])

            let shielded: @Sendable () async throws -> Int = {
                try await withShield {
                    try await sleep(for: .seconds(1))
                    return 1
                }
            }
            let plain: @Sendable () async throws -> Int = {
                try await sleep(for: .hour)
                return 2
            }
            let other = spawn { try await gather(shielded, plain) }
            try await settle()
            let begun = fakeNow()
            other.cancel()
            await #expect(throws: CancellationError.self) { try await other.value }
            #expect(fakeNow() == begun + 1)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(1)])
    func `a timeout waits for a shield within; its value wins (S222, S225)`(timeout: Duration)
        async throws
    {
        // asyncio's wait_for leaves a shielded task behind. Here only a task of its own goes on
        // after the timeout; the shield is finished.
        try await onFakeClock {
            let value = try await withTimeout(timeout) {
                await withShield {
                    try? await sleep(for: .seconds(2))
                    return 8
                }
            }
            #expect(value == 8)
        }
    }

    @Test func `off any loop a shield works, too`() async throws {
        let gate = try AsyncSemaphore(0)
        let entered = try AsyncSemaphore(0)
        let caller = Task {
            try await withShield {
                try entered.release()
                try await gate.acquire()
                return Task.isCancelled
            }
        }
        try await entered.acquire()
        caller.cancel()
        try gate.release()
        #expect(try await caller.value == false)
    }
}
