import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncMutexTests {
    private final class Box {
        var value = 0
    }

    private struct Unique: ~Copyable {
        var value: Int
    }

    @Test func `a value is changed by one task at a time, across awaits (S2)`() async throws {
        try await onLoop {
            let mutex = AsyncMutex(0)
            let tasks = (0..<10).map { _ in
                spawn {
                    try await mutex.withLock { value in
                        let seen = value
                        try await yield()
                        value = seen + 1
                    }
                }
            }
            _ = try await gather(tasks)
            #expect(try await mutex.withLock { $0 } == 10)
        }
    }

    @Test func `a value may be of a type that is not Sendable, or not copyable`() async throws {
        try await onLoop {
            let box = AsyncMutex(Box())
            let unique = AsyncMutex(Unique(value: 1))
            let tasks = (0..<3).map { _ in
                spawn {
                    try await box.withLock { $0.value += 1 }
                    try await unique.withLock { $0.value *= 2 }
                }
            }
            _ = try await gather(tasks)
            #expect(try await box.withLock { $0.value } == 3)
            #expect(try await unique.withLock { $0.value } == 8)
        }
    }

    @Test func `what does not wait runs nothing while another task has the value (S12)`()
        async throws
    {
        try await onLoop {
            let mutex = AsyncMutex(1)
            let holder = spawn { try await mutex.withLock { _ in try await sleep(for: .hour) } }
            try await settle()
            let got = try await mutex.withLockIfAvailable { $0 }
            #expect(got == nil)
            #expect(mutex.statistics == .init(isLocked: true, waiting: 0, waited: 0))
            holder.cancel()
            _ = await holder.result
            let later = try await mutex.withLockIfAvailable { $0 }
            #expect(later == 1)
        }
    }

    @Test func `a body that asks for its own mutex gets an error (S11)`() async throws {
        try await onLoop {
            let mutex = AsyncMutex(0)
            try await mutex.withLock { value in
                value = 1
                await #expect(throws: LockError.alreadyOwner) { try await mutex.withLock { _ in } }
                await #expect(throws: LockError.alreadyOwner) {
                    try await mutex.withLockIfAvailable { _ in }
                }
            }
            struct Failure: Error {}
            await #expect(throws: Failure.self) {
                try await mutex.withLock { value in
                    value = 2
                    throw Failure()
                }
            }
            #expect(try await mutex.withLock { $0 } == 2)
        }
    }
}
