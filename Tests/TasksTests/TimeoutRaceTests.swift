import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct TimeoutRaceTests {
    @Test func `a value that is ready exactly at the deadline wins (L4)`() async throws {
        try await onFakeClock {
            for delay in 0...3 {
                let value = try await withTimeout(.seconds(1)) {
                    try await sleep(for: .seconds(1))
                    return delay
                }
                #expect(value == delay)
            }
            #expect(fakeNow() == 4)
        }
    }

    @Test func `the moment after the deadline is too late (L4)`() async throws {
        try await onFakeClock {
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.nanoseconds(1_000)) {
                    try await sleep(for: .nanoseconds(1_001))
                }
            }
        }
    }

    @Test func `a permit handed over exactly at the deadline is not lost (L1, L4)`() async throws {
        try await onFakeClock {
            let semaphore = try AsyncSemaphore(0, maximum: 1)
            spawn {
                try await sleep(for: .seconds(1))
                try semaphore.release()
            }
            try await settle()
            let isTaken: Bool
            do {
                try await withTimeout(.seconds(1)) { try await semaphore.acquire() }
                isTaken = true
            } catch is TimeoutError { isTaken = false }
            #expect(semaphore.statistics.available == (isTaken ? 0 : 1))
        }
    }

    @Test func `timeouts race with a release on the real clock: one outcome each (L1, L4)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            var taken = 0
            for _ in 0..<200 {
                let releasing = spawn {
                    try await sleep(for: .microseconds(50))
                    try semaphore.release()
                }
                do {
                    try await withTimeout(.microseconds(50)) { try await semaphore.acquire() }
                    taken += 1
                } catch is TimeoutError {}
                try await releasing.value
            }
            #expect(semaphore.statistics.available == 200 - taken)
        }
    }

    @Test func `off any loop a timeout works, too (S220, S222, S286, S288, S292)`() async throws {
        let quick = try await withTimeout(.hour) { 1 }
        #expect(quick == 1)
        await #expect(throws: Failure.self) { try await withTimeout(.hour) { throw Failure() } }
        for duration in [Duration.zero, .seconds(-1), .milliseconds(1)] {
            let steps = Recorder<Int>()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(duration) {
                    defer { steps.append(1) }
                    try await sleep(for: .hour)
                }
            }
            #expect(steps.count == 1)
            let value = try await withTimeout(duration) { () async -> Int in
                try? await sleep(for: .hour)
                return 2
            }
            #expect(value == 2)
        }
        let caller = Task { try await withTimeout(.hour) { try await sleep(for: .hour) } }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
    }
}
