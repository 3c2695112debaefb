import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Makes subjects of one primitive: an argument of the tests that all primitives share.
struct SubjectCase: CustomTestStringConvertible, Sendable {
    let name: String
    /// For as many tasks as will wait at once.
    let make: @Sendable (_ waiters: Int) throws -> Subject

    var testDescription: String { name }

    init(_ name: String, _ make: @escaping @Sendable (_ waiters: Int) throws -> Subject) {
        self.name = name
        self.make = make
    }

    static let all: [SubjectCase] = [
        semaphore, semaphoreOfMany, lock, mutex, event,
    ]

    /// Those which can be entered again and again.
    static var permits: [SubjectCase] {
        get throws { try all.filter { try $0.make(1).kind == .permit } }
    }

    static let semaphore = SubjectCase("semaphore") { _ in
        Subject(try AsyncSemaphore(1, maximum: 1), taking: 1, of: 1)
    }

    static let semaphoreOfMany = SubjectCase("semaphore of 4, two at a time") { _ in
        Subject(try AsyncSemaphore(4, maximum: 4), taking: 2, of: 4)
    }

    static let lock = SubjectCase("lock") { _ in
        let lock = AsyncLock()
        return Subject(
            kind: .permit, limit: 1,
            occupy: { try await lock.lock() },
            enter: { inside in try await lock.withLock { try await inside() } },
            handOver: { if lock.isHeldByCurrentTask { try lock.unlock() } },
            tryEnter: {
                guard try lock.tryLock() else { return false }
                try lock.unlock()
                return true
            },
            waiting: { lock.statistics.waiting },
            isFree: { !lock.statistics.isLocked && lock.statistics.waiting == 0 })
    }

    static let mutex = SubjectCase("mutex") { _ in
        let mutex = AsyncMutex(0)
        return Subject(
            kind: .permit, limit: 1,
            occupy: { try await mutex.lock.lock() },
            enter: { inside in
                try await mutex.withLock { value in
                    value += 1
                    try await inside()
                    value -= 1
                }
            },
            handOver: { if mutex.lock.isHeldByCurrentTask { try mutex.lock.unlock() } },
            tryEnter: {
                guard try mutex.lock.tryLock() else { return false }
                try mutex.lock.unlock()
                return true
            },
            waiting: { mutex.statistics.waiting },
            isFree: { !mutex.statistics.isLocked && mutex.statistics.waiting == 0 })
    }

    static let event = SubjectCase("event") { _ in
        let event = AsyncEvent()
        return Subject(
            kind: .value,
            enter: { inside in
                try await event.wait()
                try await inside()
            },
            handOver: { event.set() },
            tryEnter: { event.isSet },
            waiting: { event.statistics.waiting },
            isFree: { event.statistics == .init(isSet: true, waiting: 0) },
            open: { event.set() })
    }
}

extension Subject {
    init(_ semaphore: AsyncSemaphore, taking count: Int, of all: Int) {
        let occupied = Recorder<Int>()
        self.init(
            kind: .permit, limit: all / count,
            occupy: {
                try await semaphore.acquire(all)
                occupied.append(all)
            },
            enter: { inside in
                try await semaphore.acquire(count)
                defer { try? semaphore.release(count) }
                try await inside()
            },
            handOver: { if occupied.removeFirst() != nil { try semaphore.release(all) } },
            tryEnter: {
                guard semaphore.tryAcquire(count) else { return false }
                try semaphore.release(count)
                return true
            },
            waiting: { semaphore.statistics.waiting },
            isFree: { semaphore.statistics.available == all && semaphore.statistics.waiting == 0 },
            close: {
                semaphore.close()
                return SemaphoreError.closed
            })
    }
}
