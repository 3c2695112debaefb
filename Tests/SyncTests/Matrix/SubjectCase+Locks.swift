import AsyncCoreTestSupport

@testable import AsyncCore

extension SubjectCase {
    static let lock = SubjectCase("lock") { _ in
        let lock = AsyncLock()
        return subject(of: lock) { inside in try await lock.withLock { try await inside() } }
    }

    static let mutex = SubjectCase("mutex") { _ in
        let mutex = AsyncMutex(0)
        return subject(of: mutex.lock) { inside in
            try await mutex.withLock { value in
                value += 1
                try await inside()
                value -= 1
            }
        }
    }

    private static func subject(
        of lock: AsyncLock,
        enter: @escaping @Sendable (_ inside: @escaping Subject.Inside) async throws -> Void
    ) -> Subject {
        Subject(
            kind: .permit, limit: 1,
            occupy: { try await lock.lock() },
            enter: enter,
            handOver: { if lock.isHeldByCurrentTask { try lock.unlock() } },
            tryEnter: {
                guard try lock.tryLock() else { return false }
                try lock.unlock()
                return true
            },
            waiting: { lock.statistics.waiting },
            isFree: { !lock.statistics.isLocked && lock.statistics.waiting == 0 })
    }

    static let writer = SubjectCase("read-write lock, writing") { _ in
        let lock = AsyncRWLock(0)
        return subject(of: lock, behind: .read, .write, limit: 1) { inside in
            try await lock.withWriteLock { value in
                value += 1
                try await inside()
                value -= 1
            }
        }
    }

    static let readers = SubjectCase("read-write lock, three reading") { _ in
        let lock = try AsyncRWLock(0, maximumReaders: 3)
        return subject(of: lock, behind: .write, .read, limit: 3) { inside in
            try await lock.withReadLock { _ in try await inside() }
        }
    }

    private static func subject(
        of lock: AsyncRWLock<Int>, behind first: ReadWriteAccess.Mode,
        _ mode: ReadWriteAccess.Mode, limit: Int,
        enter: @escaping @Sendable (_ inside: @escaping Subject.Inside) async throws -> Void
    ) -> Subject {
        let occupied = Recorder<Void>()
        return Subject(
            kind: .permit, limit: limit,
            occupy: {
                try await lock.access.acquire(first)
                occupied.append(())
            },
            enter: enter,
            handOver: { if occupied.removeFirst() != nil { lock.access.release(first) } },
            tryEnter: {
                guard try lock.access.tryAcquire(mode) else { return false }
                lock.access.release(mode)
                return true
            },
            waiting: { lock.statistics.waiting },
            isFree: {
                let now = lock.statistics
                return now.readers == 0 && !now.isWriting && now.waiting == 0
            })
    }

    /// One who was notified notifies the next before it gives up the lock.
    static let condition = SubjectCase("condition") { _ in
        let condition = AsyncCondition()
        return Subject(
            kind: .permit, limit: 1,
            enter: { inside in
                try await condition.withLock {
                    try await condition.wait()
                    defer { try? condition.notify() }
                    try await inside()
                }
            },
            handOver: { condition.wake(1) },
            tryEnter: { false },
            waiting: { condition.statistics.waiting },
            isFree: { condition.statistics.waiting == 0 && !condition.lock.statistics.isLocked },
            open: nil)
    }
}
