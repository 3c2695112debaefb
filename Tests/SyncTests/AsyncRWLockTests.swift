import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncRWLockTests {
    /// A task that reads or writes until it is cancelled.
    private func hold(
        _ lock: AsyncRWLock<Int>, _ mode: ReadWriteAccess.Mode
    ) async throws -> TaskHandle<Void, any Error> {
        let task = spawn {
            switch mode {
            case .read: try await lock.withReadLock { _ in try await sleep(for: .hour) }
            case .write: try await lock.withWriteLock { _ in try await sleep(for: .hour) }
            }
        }
        try await settle(4)
        return task
    }

    private func end(_ task: TaskHandle<Void, any Error>) async {
        task.cancel()
        _ = await task.result
    }

    @Test func `readers share, a writer waits for all of them, and a reader for it (S75)`()
        async throws
    {
        try await onLoop {
            let lock = AsyncRWLock(0)
            let first = try await hold(lock, .read)
            let second = try await hold(lock, .read)
            #expect(lock.statistics == .init(readers: 2, isWriting: false, waiting: 0, waited: 0))
            let writer = try await hold(lock, .write)
            #expect(lock.statistics.waiting == 1)
            await end(first)
            try await settle()
            #expect(lock.statistics.readers == 1)
            await end(second)
            try await settle()
            #expect(lock.statistics == .init(readers: 0, isWriting: true, waiting: 0, waited: 1))
            let reader = try await hold(lock, .read)
            let other = try await hold(lock, .write)
            #expect(lock.statistics.waiting == 2)
            await end(writer)
            try await settle()
            #expect(lock.statistics == .init(readers: 1, isWriting: false, waiting: 1, waited: 3))
            await end(reader)
            await end(other)
            #expect(lock.statistics == .init(readers: 0, isWriting: false, waiting: 0, waited: 3))
        }
    }

    @Test func `a waiting writer makes later readers wait behind it (S76)`() async throws {
        try await onLoop {
            let lock = AsyncRWLock(0)
            let reader = try await hold(lock, .read)
            let writer = try await hold(lock, .write)
            let late = try await hold(lock, .read)
            #expect(lock.statistics.readers == 1)
            #expect(lock.statistics.waiting == 2)
            #expect(try await lock.withReadLockIfAvailable { _ in true } == nil)
            await end(reader)
            try await settle()
            #expect(lock.statistics.isWriting)
            await end(writer)
            try await settle()
            #expect(lock.statistics.readers == 1)
            await end(late)
        }
    }

    @Test func `a writer that is cancelled while it waits lets the readers behind it in (S76)`()
        async throws
    {
        try await onLoop {
            let lock = AsyncRWLock(0)
            let reader = try await hold(lock, .read)
            let writer = try await hold(lock, .write)
            let late = [try await hold(lock, .read), try await hold(lock, .read)]
            await end(writer)
            try await settle()
            #expect(lock.statistics.readers == 3)
            #expect(lock.statistics.waiting == 0)
            for task in late + [reader] { await end(task) }
        }
    }

    @Test func `several readers are let in at once, up to the next writer`() async throws {
        try await onLoop {
            let lock = AsyncRWLock(0)
            let writer = try await hold(lock, .write)
            var others: [TaskHandle<Void, any Error>] = []
            for mode in [ReadWriteAccess.Mode.read, .read, .write, .read] {
                others.append(try await hold(lock, mode))
            }
            await end(writer)
            try await settle()
            #expect(lock.statistics.readers == 2)
            #expect(lock.statistics.waiting == 2)
            for task in others { await end(task) }
            #expect(lock.statistics == .init(readers: 0, isWriting: false, waiting: 0, waited: 4))
        }
    }

    @Test func `a cap on readers holds the others back, and a cap of zero is refused (S78)`()
        async throws
    {
        for count in [0, -1] {
            #expect(throws: LockError.readersBelowOne(count)) {
                try AsyncRWLock(0, maximumReaders: count)
            }
        }
        #expect("\(LockError.readersBelowOne(0))".contains("0"))
        try await onLoop {
            let lock = try AsyncRWLock(0, maximumReaders: 2)
            let readers = [try await hold(lock, .read), try await hold(lock, .read)]
            let third = try await hold(lock, .read)
            #expect(lock.statistics == .init(readers: 2, isWriting: false, waiting: 1, waited: 1))
            #expect(try await lock.withReadLockIfAvailable { _ in true } == nil)
            await end(readers[0])
            try await settle()
            #expect(lock.statistics == .init(readers: 2, isWriting: false, waiting: 0, waited: 1))
            await end(readers[1])
            await end(third)
        }
    }

    @Test func `what does not wait fails without a trace (S79)`() async throws {
        try await onLoop {
            let lock = AsyncRWLock(1)
            let reader = try await hold(lock, .read)
            #expect(try await lock.withReadLockIfAvailable { $0 } == 1)
            #expect(try await lock.withWriteLockIfAvailable { $0 } == nil)
            await end(reader)
            let writer = try await hold(lock, .write)
            #expect(try await lock.withReadLockIfAvailable { $0 } == nil)
            #expect(try await lock.withWriteLockIfAvailable { $0 } == nil)
            await end(writer)
            #expect(try await lock.withWriteLockIfAvailable { $0 += 1 } != nil)
            #expect(try await lock.withReadLockIfAvailable { $0 } == 2)
            #expect(lock.statistics == .init(readers: 0, isWriting: false, waiting: 0, waited: 0))
        }
    }

    @Test func `a writer that asks again gets an error`() async throws {
        try await onLoop {
            let lock = AsyncRWLock(0)
            try await lock.withWriteLock { _ in
                await #expect(throws: LockError.alreadyOwner) {
                    try await lock.withWriteLock { _ in }
                }
                await #expect(throws: LockError.alreadyOwner) {
                    try await lock.withReadLock { _ in }
                }
                await #expect(throws: LockError.alreadyOwner) {
                    try await lock.withReadLockIfAvailable { _ in }
                }
                await #expect(throws: LockError.alreadyOwner) {
                    try await lock.withWriteLockIfAvailable { _ in }
                }
            }
            struct Failure: Error {}
            await #expect(throws: Failure.self) {
                try await lock.withWriteLock { _ in throw Failure() }
            }
            await #expect(throws: Failure.self) {
                try await lock.withReadLock { _ in throw Failure() }
            }
            #expect(!lock.statistics.isWriting)
            #expect(lock.statistics.readers == 0)
        }
    }

    @Test func `readers on two loops never see half of a write (S75)`() async throws {
        struct Pair {
            var left = 0
            var right = 0
        }
        let lock = AsyncRWLock(Pair())
        try await withLoops(2) { loops in
            let tasks = (0..<8).map { index in
                loops[index % 2].spawn {
                    for _ in 0..<60 {
                        if index < 2 {
                            try await lock.withWriteLock { pair in
                                pair.left += 1
                                try await yield()
                                pair.right += 1
                            }
                        } else {
                            try await lock.withReadLock { #expect($0.left == $0.right) }
                        }
                    }
                }
            }
            for task in tasks { try await task.value }
        }
        #expect(try await lock.withReadLock { $0.left } == 120)
    }
}
