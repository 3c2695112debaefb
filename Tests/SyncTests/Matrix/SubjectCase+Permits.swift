import AsyncCoreTestSupport

@testable import AsyncCore

extension SubjectCase {
    static let semaphore = SubjectCase("semaphore") { _ in try semaphore(1, taking: 1) }

    static let semaphoreOfMany = SubjectCase("semaphore of 4, two at a time") { _ in
        try semaphore(4, taking: 2)
    }

    private static func semaphore(_ all: Int, taking count: Int) throws -> Subject {
        let semaphore = try AsyncSemaphore(all, maximum: all)
        let occupied = Recorder<Int>()
        return Subject(
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

    static let limiter = SubjectCase("capacity limiter") { _ in
        let limiter = try CapacityLimiter(1)
        let occupied = Recorder<Void>()
        return Subject(
            kind: .permit, limit: 1,
            occupy: {
                try await limiter.acquire()
                occupied.append(())
            },
            enter: { inside in try await limiter.withToken { try await inside() } },
            handOver: { if occupied.removeFirst() != nil { try limiter.release() } },
            tryEnter: {
                guard try limiter.tryAcquire() else { return false }
                try limiter.release()
                return true
            },
            waiting: { limiter.statistics.waiting },
            isFree: { limiter.statistics == .init(total: 1, borrowed: 0, waiting: 0) })
    }

    private final class Borrowing: Sendable {}

    static let limiterByObject = SubjectCase("capacity limiter, on behalf of objects") { _ in
        let limiter = try CapacityLimiter(2)
        let occupied = Recorder<Borrowing>()
        return Subject(
            kind: .permit, limit: 2,
            occupy: {
                for _ in 0..<2 {
                    let object = Borrowing()
                    try await limiter.acquire(onBehalfOf: object)
                    occupied.append(object)
                }
            },
            enter: { inside in
                let object = Borrowing()
                try await limiter.acquire(onBehalfOf: object)
                defer { try? limiter.release(onBehalfOf: object) }
                try await inside()
            },
            handOver: {
                while let object = occupied.removeFirst() {
                    try limiter.release(onBehalfOf: object)
                }
            },
            tryEnter: {
                let object = Borrowing()
                guard try limiter.tryAcquire(onBehalfOf: object) else { return false }
                try limiter.release(onBehalfOf: object)
                return true
            },
            waiting: { limiter.statistics.waiting },
            isFree: { limiter.statistics == .init(total: 2, borrowed: 0, waiting: 0) })
    }
}
