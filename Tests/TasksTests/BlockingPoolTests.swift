import AsyncCoreTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// The threads themselves: bounds, ends, and what happens when the system gives none: J4, S390, S404.
@Suite(.watched)
struct BlockingPoolTests {
    @Test func `no more work runs at once than there may be threads`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 3)
            let meter = Meter()
            let gate = ThreadGate()
            let tasks = (0..<60).map { _ in
                spawn {
                    try await blocking(on: pool) {
                        meter.enter()
                        gate.wait()
                        meter.leave()
                    }
                }
            }
            try await until { meter.most == 3 }
            #expect(pool.statistics.waiting == 57)
            gate.open()
            _ = try await gather(tasks)
            #expect(meter.most == 3)
            #expect(pool.statistics.threads == 3)
            #expect(pool.statistics.ended == 60)
        }
    }

    @Test func `with one thread, work runs first come, first served`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            let order = Recorder<Int>()
            let tasks = (0..<50).map { number in
                spawn { try await blocking(on: pool) { order.append(number) } }
            }
            _ = try await gather(tasks)
            #expect(order.elements == Array(0..<50))
            #expect(pool.statistics.threads == 1)
        }
    }

    @Test func `threads are started when they are needed, and have the pool's name`() async throws {
        try await onLoop {
            let pool = BlockingPool(name: "some long name", threads: 8)
            #expect(pool.statistics.threads == 0)
            let name = try await blocking(on: pool) { currentThreadName() }
            #expect(name == "some long nam-1")
            #expect(pool.statistics.threads == 1)
            let gate = ThreadGate()
            let tasks = (0..<4).map { _ in spawn { try await blocking(on: pool) { gate.wait() } } }
            try await until { pool.statistics.running == 4 }
            #expect(pool.statistics.threads >= 4 && pool.statistics.threads <= 5)
            gate.open()
            _ = try await gather(tasks)
        }
        #expect(ThreadPool.threadName("a", 123) == "a-123")
        #expect(ThreadPool.threadName("0123456789abcdef", 42) == "0123456789ab-42")
    }

    @Test func `idle threads end after a while, and new ones are started`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 4, idleTime: .milliseconds(1))
            for _ in 0..<3 {
                _ = try await gather((0..<4).map { _ in spawn { try await blocking(on: pool) {} } })
                try await until { pool.statistics.threads == 0 }
            }
            #expect(pool.statistics.ended == 12)
        }
    }

    @Test func `threads that end just when they are needed: no work is lost`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 2, idleTime: .zero)
            for number in 0..<500 {
                let value = try await blocking(on: pool) { number }
                #expect(value == number)
            }
        }
    }

    @Test func `a pool that nobody holds ends its threads`() async throws {
        try await onLoop {
            let threads: ThreadPool
            do {
                threads = ThreadPool(name: "dropped", maximum: 2, idleNanoseconds: .max / 4)
                let pool = BlockingPool(threads: threads, maximumWaiting: 1)
                try await blocking(on: pool) {}
            }
            try await until { threads.snapshot.counts.threads == 0 }
        }
    }

    @Test func `callers beyond the bound are refused, those who wait are not`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 1, maximumWaiting: 2)
            let gate = ThreadGate()
            let tasks = (0..<3).map { _ in spawn { try await blocking(on: pool) { gate.wait() } } }
            try await settle()
            #expect(pool.statistics.waiting == 2)
            await #expect(throws: BlockingError.full(waiting: 2)) {
                try await blocking(on: pool) {}
            }
            gate.open()
            _ = try await gather(tasks)
            try await blocking(on: pool) {}
            let none = BlockingPool(threads: 1, maximumWaiting: 0)
            try await blocking(on: none) {}
        }
    }

    @Test func `when the system gives fewer threads, there is less work at a time (J4)`()
        async throws
    {
        try await onLoop {
            let system = FakeSystem(threads: 2)
            let pool = BlockingPool(threads: system.pool(maximum: 8), maximumWaiting: 100)
            let tasks = (0..<40).map { number in
                spawn { () async throws -> Int in try await blocking(on: pool) { number } }
            }
            #expect(try await gather(tasks) == Array(0..<40))
            #expect(pool.statistics.threads <= 2)
            let gate = ThreadGate()
            let held = (0..<4).map { _ in spawn { try await blocking(on: pool) { gate.wait() } } }
            try await settle()
            gate.open()
            _ = try await gather(held)
            #expect(pool.statistics.failedThreadStarts > 0)
        }
    }

    @Test func `when the system gives no thread at all, that is an error, and passes (J4)`()
        async throws
    {
        try await onLoop {
            let system = FakeSystem(threads: 0)
            let pool = BlockingPool(threads: system.pool(maximum: 2), maximumWaiting: 1)
            for _ in 0..<3 {
                let error = await #expect(throws: IOError.self) { try await blocking(on: pool) {} }
                #expect(error?.errno == 11)
                #expect(error?.operation == "start a thread for blocking work")
            }
            #expect(pool.statistics.failedThreadStarts == 3 && pool.statistics.running == 0)
            system.allow(1)
            let value = try await blocking(on: pool) { 1 }
            #expect(value == 1)
        }
    }

    @Test func `a call back that needs a thread, when there is none, fails and does not hang (J4)`()
        async throws
    {
        try await onLoop {
            let system = FakeSystem(threads: 1)
            let pool = BlockingPool(threads: system.pool(maximum: 4), maximumWaiting: 1)
            await #expect(throws: IOError.self) {
                try await blocking(on: pool) { context in
                    try context.run { try await blocking(on: pool) {} }
                }
            }
            // Left to the only thread, which then wants to wait for the loop.
            let (running, gate) = (ThreadGate(), ThreadGate())
            let first = spawn {
                try await blocking(on: pool) { context in
                    running.open()
                    gate.wait()
                    try context.run {}
                }
            }
            try await blocking { running.wait() }
            let second = spawn { () async throws -> Int in try await blocking(on: pool) { 2 } }
            try await settle()
            gate.open()
            await #expect(throws: IOError.self) { try await first.value }
            #expect(try await second.value == 2)
            #expect(pool.statistics.running == 0)
        }
    }

    @Test func `a closed pool refuses work, also of those who wait; what runs goes on (S404)`()
        async throws
    {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            let gate = ThreadGate()
            let first = spawn { () async throws -> Int in
                try await blocking(on: pool) {
                    gate.wait()
                    return 1
                }
            }
            try await settle()
            let waiting = spawn { try await blocking(on: pool) {} }
            try await settle()
            pool.close()
            await #expect(throws: BlockingError.closed) { try await waiting.value }
            await #expect(throws: BlockingError.closed) { try await blocking(on: pool) {} }
            gate.open()
            #expect(try await first.value == 1)
            try await until { pool.statistics.threads == 0 }
            await #expect(throws: BlockingError.closed) { try await blocking(on: pool) {} }
        }
    }

    @Test func `a shutdown waits for the work, or not beyond a time; not at all for none (S390)`()
        async throws
    {
        try await onLoop {
            let pool = BlockingPool(threads: 2)
            let gate = ThreadGate()
            let work = spawn { try await blocking(on: pool) { gate.wait() } }
            try await until { pool.statistics.running == 1 }
            for timeout in [Duration.zero, .milliseconds(1)] {
                await #expect(throws: TimeoutError.self) {
                    try await pool.shutdown(timeout: timeout)
                }
            }
            let cancelled = spawn { try await pool.shutdown() }
            try await settle()
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            let ending = spawn { try await pool.shutdown(timeout: .hour) }
            try await settle()
            #expect(!ending.isFinished)
            gate.open()
            try await ending.value
            #expect(pool.statistics.running == 0)
            try await work.value
            try await pool.shutdown()
        }
    }

    @Test func `many callers of three loops, cancelled at random: all accounts are settled`()
        async throws
    {
        let loops = try (0..<3).map { _ in try EventLoop.start(configuration: .quiet) }
        let pool = BlockingPool(threads: 3, idleTime: .microseconds(200))
        let tasks = loops.map { loop in
            loop.spawn { () async throws -> Int in
                var random = SplitMix64(seed: UInt64(UInt(bitPattern: ObjectIdentifier(loop))))
                var values = 0
                for _ in 0..<300 {
                    let abandonOnCancel = random.below(2) == 0
                    let work = spawn {
                        try await blocking(on: pool, abandonOnCancel: abandonOnCancel) { context in
                            if !abandonOnCancel { try context.run { try await yield() } }
                        }
                    }
                    if random.below(3) == 0 { try await yield() }
                    if random.below(3) == 0 { work.cancel() }
                    if case .success = await work.result { values += 1 }
                }
                return values
            }
        }
        #expect(try await gather(tasks).reduce(0, +) > 0)
        try await pool.shutdown()
        let left = pool.statistics
        #expect(left.running == 0 && left.waiting == 0)
        try await until { pool.statistics.threads == 0 }
        for loop in loops { try await loop.shutdown() }
    }
}

/// A system that gives so many threads, and no more.
private final class FakeSystem: Sendable {
    private let left: Atomic<Int>

    init(threads: Int) { left = Atomic(threads) }

    func allow(_ threads: Int) { left.store(threads, ordering: .sequentiallyConsistent) }

    func pool(maximum: Int) -> ThreadPool {
        ThreadPool(name: "fake", maximum: maximum, idleNanoseconds: 10_000_000_000) {
            name, body throws(SystemError) in
            guard self.left.subtract(1, ordering: .sequentiallyConsistent).newValue >= 0 else {
                throw SystemError(errno: 11)
            }
            try CurrentThread.start(name: name, body)
        }
    }
}

/// How many are inside at once, at most.
private final class Meter: @unchecked Sendable {
    // The counts are guarded by `lock`.
    private let lock = ThreadLock()
    private var inside = 0
    private var highest = 0

    var most: Int { lock.withLock { highest } }

    func enter() {
        lock.withLock {
            inside += 1
            highest = max(highest, inside)
        }
    }

    func leave() { lock.withLock { inside -= 1 } }
}

private func currentThreadName() -> String {
    guard let file = fopen("/proc/thread-self/comm", "r") else { return "" }
    defer { fclose(file) }
    var name = [CChar](repeating: 0, count: 32)
    fgets(&name, 32, file)
    let bytes = name.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
}
