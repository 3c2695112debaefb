import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct TimeoutTests {
    @Test func `the timeout comes after the body's clean-up (S220)`() async throws {
        try await onFakeClock {
            let steps = Recorder<String>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(2)) {
                    do { try await sleep(for: .hour) } catch {
                        #expect(fakeNow() == 2)
                        for _ in 0..<5 { await Task.yield() }
                        steps.append("cleaned up")
                        throw error
                    }
                }
            }
            #expect(steps.elements == ["cleaned up"])
        }
    }

    @Test func `a body that swallows the cancellation has its value returned (S222)`() async throws
    {
        try await onFakeClock {
            let value = try await withTimeout(.seconds(1)) { () async -> Int in
                try? await sleep(for: .hour)
                return 7
            }
            #expect(value == 7)
            #expect(fakeNow() == 1)
        }
    }

    @Test func `a body's own error after the deadline is thrown`() async throws {
        try await onFakeClock {
            await #expect(throws: Failure(number: 3)) {
                try await withTimeout(.seconds(1)) {
                    try? await sleep(for: .hour)
                    throw Failure(number: 3)
                }
            }
        }
    }

    @Test func `a body that ends in the step in which the caller is cancelled (S223, L4)`()
        async throws
    {
        try await onLoop {
            for isCancelledFirst in [false, true] {
                let semaphore = try AsyncSemaphore(0, maximum: 1)
                let wasCancelled = Recorder<Bool>()
                let caller = spawn {
                    defer { wasCancelled.append(Task.isCancelled) }
                    try await withTimeout(.hour) { try await semaphore.acquire() }
                }
                try await settle()
                if isCancelledFirst { caller.cancel() }
                try semaphore.release()
                if !isCancelledFirst { caller.cancel() }
                await #expect(throws: CancellationError.self) { try await caller.value }
                #expect(wasCancelled.elements == [true])
                #expect(semaphore.statistics.available == 1)
            }
        }
    }

    @Test func `cancelling the caller cancels the body, and is no timeout (S224, S292)`()
        async throws
    {
        try await onLoop {
            let caller = spawn { try await withTimeout(.hour) { try await sleep(for: .hour * 2) } }
            try await settle()
            #expect(armedTimers() == 2)
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(armedTimers() == 0)
        }
    }

    @Test func `a caller that is cancelled before it calls is not timed out (S224, S292)`()
        async throws
    {
        try await onLoop {
            for duration in [Duration.zero, .hour] {
                let caller = spawn {
                    try await withTimeout(duration) { try await sleep(for: .hour) }
                }
                caller.cancel()
                await #expect(throws: CancellationError.self) { try await caller.value }
            }
        }
    }

    @Test func `a duration too long for the clock is no timeout (S227, S287)`() async throws {
        try await onFakeClock {
            let value = try await withTimeout(.seconds(Int64.max)) {
                #expect(armedTimers() == 0)
                try await sleep(for: .hour * 24 * 365)
                return 1
            }
            #expect(value == 1)
        }
    }

    @Test func `a timeout fires around a body that never really waits (S228)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(1)) {
                    while true { try await semaphore.withPermit {} }
                }
            }
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `a body that ends in time leaves no timer behind (S286)`() async throws {
        try await onLoop {
            let value = try await withTimeout(.hour) {
                #expect(armedTimers() == 1)
                return 5
            }
            #expect(value == 5)
            #expect(armedTimers() == 0)
            #expect(!Task.isCancelled)
            await #expect(throws: Failure.self) { try await withTimeout(.hour) { throw Failure() } }
            #expect(armedTimers() == 0)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-5)])
    func `no time at all ends the body at its first suspension (S288, S299)`(duration: Duration)
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<Int>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(duration) {
                    steps.append(1)
                    // The deadline is seen when the kernel is asked: a bare yield does.
                    try await yield()
                    steps.append(2)
                    try await yield()
                    steps.append(3)
                }
            }
            #expect(steps.elements.first == 1)
            #expect(!steps.elements.contains(3))
            let value = try await withTimeout(duration) { 4 }
            #expect(value == 4)
        }
    }

    @Test func `a deadline in the past ends the body at its first suspension (S288)`() async throws
    {
        try await onFakeClock {
            await #expect(throws: TimeoutError.self) {
                try await withDeadline(.now - .seconds(1)) { try await sleep(for: .hour) }
            }
            #expect(fakeNow() == 0)
            let value = try await withDeadline(.now + .hour) { 1 }
            #expect(value == 1)
        }
    }

    @Test func `of nested timeouts with one deadline the outermost throws (S289, L10)`()
        async throws
    {
        try await onFakeClock {
            let seen = Recorder<String>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) {
                    do {
                        try await withTimeout(.seconds(1)) {
                            do {
                                try await withTimeout(.seconds(1)) { try await sleep(for: .hour) }
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
            }
            #expect(seen.elements == ["CancellationError", "CancellationError"])
        }
    }

    @Test func `of nested timeouts the one that expires first throws (L10)`() async throws {
        try await onFakeClock {
            let value = try await withTimeout(.seconds(2)) {
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.seconds(1)) { try await sleep(for: .hour) }
                }
                #expect(fakeNow() == 1)
                try await yield()
                return 1
            }
            #expect(value == 1)
        }
    }

    @Test func `the task is not left cancelled after a timeout (S293)`() async throws {
        try await onFakeClock {
            try? await withTimeout(.seconds(1)) { try await sleep(for: .hour) }
            #expect(!Task.isCancelled)
            try await sleep(for: .seconds(1))
            #expect(fakeNow() == 2)
        }
    }

    @Test func `a timeout around a group ends all of it, and shows its real errors (S297)`()
        async throws
    {
        try await onFakeClock {
            let ended = Recorder<Int>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for index in 0..<3 {
                            group.addTask {
                                defer { ended.append(index) }
                                try await sleep(for: .hour)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
            #expect(ended.count == 3)
            await #expect(throws: Failure(number: 2)) {
                try await withTimeout(.seconds(1)) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            try? await sleep(for: .hour)
                            throw Failure(number: 2)
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test func `a relative deadline counts from the call (S298)`() async throws {
        try await onFakeClock {
            let duration = Duration.seconds(2)
            try await sleep(for: .seconds(5))
            try? await withTimeout(duration) { try await sleep(for: .hour) }
            #expect(fakeNow() == 7)
        }
    }

    @Test func `a body that ends cancelled before the deadline is no timeout (S301)`()
        async throws
    {
        try await onFakeClock {
            await #expect(throws: CancellationError.self) {
                try await withTimeout(.seconds(1)) { throw CancellationError() }
            }
        }
    }

    @Test func `cancelled by hand before the deadline, which passes in the clean-up (S302)`()
        async throws
    {
        try await onFakeClock {
            let caller = spawn {
                try await withTimeout(.seconds(1)) {
                    do { try await sleep(for: .hour) } catch {
                        // The clean-up outlasts the deadline: a task of its own is not cancelled.
                        await spawn { try? await sleep(for: .seconds(5)) }.value
                        throw error
                    }
                }
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(fakeNow() == 5)
        }
    }
}
