import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Waits that begin when their task has suspended.
@Suite(.watched)
struct StandingWaitTests {
    private actor Ordinary {
        func canWait(on core: LoopCore) -> Bool {
            StandingWait("a test", on: core, Caller(#isolation)) != nil
        }
    }

    /// A wait that is begun now, after `beforeSuspending`.
    private static func wait(
        beforeSuspending: () -> Void = {}, _ place: Recorder<UInt>? = nil
    ) async throws -> Waiter.Outcome {
        let wait = try #require(StandingWait("a test", on: currentLoop.core, Caller(nil)))
        place?.append(wait.address)
        beforeSuspending()
        await parkTask(wait.address)
        return wait.outcome
    }

    private static func cancelCurrentTask() { withUnsafeCurrentTask { $0?.cancel() } }

    @Test(arguments: [Waiter.Outcome.completed, .closed, .stopped])
    func `whoever claims it says how it ended, and the next wait is another`(
        _ outcome: Waiter.Outcome
    ) async throws {
        try await onLoop {
            let place = Recorder<UInt>()
            let task = spawn {
                let first = try await Self.wait(place)
                // Both kinds of wait, in turn, of the same waiter.
                try await sleep(for: .milliseconds(1))
                let second = try await Self.wait(place)
                return [first, second]
            }
            for number in 1...2 {
                try await until { place.count == number }
                let waiter = StandingWait(place.elements[number - 1]).waiter
                unsafe waiter._withUnsafeGuaranteedRef { waiter in
                    #expect(waiter.wait.map { "\($0.what)" } == "a test")
                    #expect(waiter.resolve(outcome))
                    #expect(!waiter.resolve(.completed))
                }
            }
            let outcomes = try await task.value
            #expect(outcomes == [outcome, outcome])
        }
    }

    @Test func `a cancellation before the task has suspended ends it, and those after it`()
        async throws
    {
        try await onLoop {
            let task = spawn {
                let first = try await Self.wait(beforeSuspending: Self.cancelCurrentTask)
                return [first, try await Self.wait()]
            }
            let outcomes = try await task.value
            #expect(outcomes == [.cancelled, .cancelled])
        }
    }

    @Test func `a cancellation while the task waits ends it`() async throws {
        try await onLoop {
            let place = Recorder<UInt>()
            let task = spawn { try await Self.wait(place) }
            try await until { place.count == 1 }
            _ = try await onThread { task.cancel() }
            let outcome = try await task.value
            #expect(outcome == .cancelled)
        }
    }

    @Test func `there is none off the loop, in an actor of others, or without a standing waiter`()
        async throws
    {
        try await onLoop {
            let core = currentLoop.core
            #expect(StandingWait("a test", on: core, Caller(nil)) != nil)
            #expect(await !Ordinary().canWait(on: core))
            let unknown = startUnknownTask { StandingWait("a test", on: core, Caller(nil)) == nil }
            let isNoneWithout = try await unknown.value
            #expect(isNoneWithout)
            // The task has a standing waiter still.
            let isNone = await withTaskExecutorPreference(globalConcurrentExecutor) {
                await isNoneElsewhere(core)
            }
            #expect(isNone)
            #expect(StandingWait("a test", on: core, Caller(nil)) != nil)
            // A waiter of another loop is none of this one's.
            let other = try EventLoop()
            #expect(StandingWait("a test", on: other.core, Caller(nil)) == nil)
        }
    }
}

/// On a thread of Swift's pool.
@concurrent
private func isNoneElsewhere(_ core: LoopCore) async -> Bool {
    #expect(TaskIdentity.running.standingWaiter != nil)
    return !core.isCurrent && StandingWait("a test", on: core, Caller(nil)) == nil
}
