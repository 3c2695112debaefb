import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Made before any loop or task exists (S19).
private let moduleLock = AsyncLock()

/// The lock's own statements: S2, S3, S10, S11, S14, S16, S19. S15 (an owner that ends without
/// unlocking) does not apply: Swift tells nobody that a task has ended. `withLock` always unlocks.
@Suite(.watched)
struct AsyncLockTests {
    @Test func `one who unlocks and asks again at once goes to the back (S3)`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            let order = Recorder<Int>()
            let tasks = (0..<2).map { index in
                spawn {
                    for _ in 0..<5 {
                        try await lock.lock()
                        order.append(index)
                        try await yield()
                        try lock.unlock()
                    }
                }
            }
            _ = try await gather(tasks)
            #expect(order.elements == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
        }
    }

    @Test func `unlocking what nobody holds, or another task, is an error (S10)`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            #expect(throws: LockError.notLocked) { try lock.unlock() }
            try await lock.lock()
            let other = spawn {
                #expect(!lock.isHeldByCurrentTask)
                #expect(throws: LockError.notOwner) { try lock.unlock() }
            }
            await other.value
            #expect(lock.isHeldByCurrentTask)
            try await onThread {
                #expect(throws: LockError.notOwner) { try lock.unlock() }
                #expect(throws: LockError.noTask) { try lock.tryLock() }
            }
            // Also with somebody in the queue, who is not let in by the error.
            let waiting = spawn {
                try await lock.lock()
                try lock.unlock()
            }
            try await settle()
            let again = spawn {
                _ = #expect(throws: LockError.notOwner) { try lock.unlock() }
            }
            await again.value
            #expect(lock.statistics == .init(isLocked: true, waiting: 1, waited: 1))
            try lock.unlock()
            #expect(throws: LockError.notOwner) { try lock.unlock() }
            try await waiting.value
            #expect(throws: LockError.notLocked) { try lock.unlock() }
        }
    }

    @Test func `locking what the task holds is an error at once, in every form (S11)`()
        async throws
    {
        try await onLoop {
            let lock = AsyncLock()
            try await lock.lock()
            await #expect(throws: LockError.alreadyOwner) { try await lock.lock() }
            #expect(throws: LockError.alreadyOwner) { try lock.tryLock() }
            await #expect(throws: LockError.alreadyOwner) { try await lock.withLock {} }
            let waiting = spawn { try await lock.withLock {} }
            try await settle()
            await #expect(throws: LockError.alreadyOwner) { try await lock.lock() }
            #expect(throws: LockError.alreadyOwner) { try lock.tryLock() }
            #expect(lock.statistics.waiting == 1)
            #expect(lock.isHeldByCurrentTask)
            try lock.unlock()
            try await waiting.value
            #expect(!lock.statistics.isLocked)
        }
    }

    @Test func `the lock has its next owner from the moment of the unlock (S14)`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            try await lock.lock()
            let number = Recorder<UInt>()
            let waiting = spawn {
                number.append(TaskIdentity.running.ownerNumber)
                try await lock.lock()
                try lock.unlock()
            }
            try await settle()
            try lock.unlock()
            #expect(!waiting.isFinished)
            #expect(lock.holder == number.elements[0])
            #expect(lock.statistics == .init(isLocked: true, waiting: 0, waited: 1))
            let hasEntered = try lock.tryLock()
            #expect(!hasEntered)
            try await waiting.value
            #expect(lock.holder == 0)
        }
    }

    @Test func `a wait that a timeout ends leaves the lock to the others (S16)`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            try await lock.lock()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(1)) { try await lock.withLock {} }
            }
            #expect(lock.statistics.waiting == 0)
            try lock.unlock()
            try await withTimeout(.hour) { try await lock.withLock {} }
            #expect(!lock.statistics.isLocked)
        }
    }

    @Test func `a lock made with the module serves one loop after the other (S19)`() async throws {
        for _ in 0..<2 {
            try await onLoop {
                try await moduleLock.lock()
                let waiting = spawn { try await moduleLock.withLock {} }
                try await settle()
                try moduleLock.unlock()
                try await waiting.value
            }
        }
        try await moduleLock.withLock {}
        #expect(!moduleLock.statistics.isLocked)
    }

    @Test func `withLock unlocks however its body ends, and once only`() async throws {
        try await onLoop {
            struct Failure: Error {}
            let lock = AsyncLock()
            #expect(try await lock.withLock { lock.isHeldByCurrentTask })
            await #expect(throws: Failure.self) { try await lock.withLock { throw Failure() } }
            #expect(!lock.statistics.isLocked)
            // A body that unlocks by itself takes the lock from nobody.
            let body = spawn {
                try await lock.withLock {
                    try lock.unlock()
                    try await sleep(for: .hour)
                }
            }
            try await settle()
            try await lock.withLock {
                body.cancel()
                _ = await body.result
                #expect(lock.isHeldByCurrentTask)
            }
            #expect(!lock.statistics.isLocked)
        }
    }

    @Test func `a task cancelled while it holds the lock keeps it until it unlocks`() async throws {
        try await onLoop {
            let lock = AsyncLock()
            let holder = spawn {
                try await lock.lock()
                try? await sleep(for: .hour)
                #expect(lock.isHeldByCurrentTask)
                try lock.unlock()
            }
            try await settle()
            holder.cancel()
            try await holder.value
            #expect(!lock.statistics.isLocked)
        }
    }

    @Test func `the main body's own wait loses its place in both orders, too (S5, S8)`()
        async throws
    {
        // The main body has a standing cancellation handler, which is another path.
        for isHandedOverFirst in [false, true] {
            let lock = AsyncLock()
            await #expect(throws: CancellationError.self) {
                try await onLoop {
                    let main = TaskIdentity.current
                    let holder = spawn {
                        try await lock.lock()
                        try await yield()
                        if isHandedOverFirst { try lock.unlock() }
                        main?.cancel()
                        if !isHandedOverFirst { try lock.unlock() }
                    }
                    try await until { lock.statistics.isLocked }
                    try await lock.lock()
                    try await holder.value
                }
            }
            #expect(lock.statistics == .init(isLocked: false, waiting: 0, waited: 1))
        }
    }

    @Test func `the errors say which rule was broken`() {
        #expect("\(LockError.alreadyOwner)".contains("already"))
        #expect("\(LockError.notOwner)".contains("another"))
        #expect("\(LockError.notLocked)".contains("nobody"))
        #expect("\(LockError.noTask)".contains("task"))
    }
}
