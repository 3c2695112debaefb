import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncSemaphoreTests {
    @Test func `a permit is taken and given back`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await semaphore.acquire()
            #expect(!semaphore.tryAcquire())
            try semaphore.release()
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `negative numbers of permits are refused, and zero starts locked (S40)`() throws {
        #expect(throws: SemaphoreError.negativeCount(-1)) { try AsyncSemaphore(-1) }
        #expect(throws: SemaphoreError.negativeCount(-2)) { try AsyncSemaphore(0, maximum: -2) }
        #expect(throws: SemaphoreError.aboveMaximum(permits: 3, maximum: 2)) {
            try AsyncSemaphore(3, maximum: 2)
        }
        let semaphore = try AsyncSemaphore(0)
        #expect(!semaphore.tryAcquire())
    }

    @Test func `a semaphore of zero lets the first through after a release (S40)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            #expect(!waiting.isFinished)
            try semaphore.release()
            try await waiting.value
        }
    }

    @Test func `a semaphore made before any loop serves one loop after the other (S19)`()
        async throws
    {
        let semaphore = try AsyncSemaphore(0)
        for _ in 0..<2 {
            try await onLoop {
                let waiting = spawn { try await semaphore.acquire() }
                try await settle()
                #expect(semaphore.statistics.waiting == 1)
                try semaphore.release()
                try await waiting.value
            }
        }
        #expect(semaphore.statistics.available == 0)
    }

    @Test func `a release while someone waits reserves the permit (S41)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            try semaphore.release()
            #expect(!waiting.isFinished)
            #expect(semaphore.statistics.available == 0)
            #expect(semaphore.statistics.waiting == 0)
            #expect(!semaphore.tryAcquire())
            try await waiting.value
            #expect(!semaphore.tryAcquire())
        }
    }

    @Test func `nobody overtakes those who wait, not even with enough permits free`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            let large = spawn { try await semaphore.acquire(2) }
            try await settle()
            #expect(!semaphore.tryAcquire())
            let small = spawn { try await semaphore.acquire() }
            try await settle()
            #expect(semaphore.statistics.waiting == 2)
            try semaphore.release(2)
            try await large.value
            try await small.value
            #expect(semaphore.statistics.available == 0)
        }
    }

    @Test func `tasks get permits in the order in which they asked (S45)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let order = Recorder<Int>()
            for index in 0..<10 {
                spawn {
                    try await semaphore.acquire()
                    order.append(index)
                    try semaphore.release()
                }
            }
            try await settle()
            try semaphore.release()
            try await settle(40)
            #expect(order.elements == Array(0..<10))
        }
    }

    @Test func `one who releases and asks again at once goes to the back (S45)`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            let order = Recorder<Int>()
            let tasks = (0..<3).map { index in
                spawn {
                    for _ in 0..<4 {
                        try await semaphore.acquire()
                        order.append(index)
                        try await yield()
                        try semaphore.release()
                    }
                }
            }
            _ = try await gather(tasks)
            #expect(order.elements == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
        }
    }

    @Test func `several permits released in one turn wake several; newcomers stay behind (S47)`()
        async throws
    {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let order = Recorder<String>()
            for index in 0..<3 {
                spawn {
                    try await semaphore.acquire()
                    order.append("\(index)")
                    spawn {
                        try await semaphore.acquire()
                        order.append("of \(index)")
                    }
                }
            }
            try await settle()
            try semaphore.release()
            try semaphore.release()
            try await settle()
            #expect(order.elements == ["0", "1"])
            try semaphore.release()
            try await settle()
            #expect(order.elements == ["0", "1", "2"])
            try semaphore.release(3)
            try await settle()
            #expect(order.elements == ["0", "1", "2", "of 0", "of 1", "of 2"])
        }
    }

    @Test func `a bounded semaphore refuses a release above its maximum (S48)`() throws {
        let bounded = try AsyncSemaphore(1, maximum: 2)
        try bounded.release()
        #expect(throws: SemaphoreError.aboveMaximum(permits: 3, maximum: 2)) {
            try bounded.release()
        }
        #expect(bounded.statistics.available == 2)
        let unbounded = try AsyncSemaphore(1)
        try unbounded.release(100)
        #expect(unbounded.statistics.available == 101)
    }

    @Test func `the largest number of permits is a bound, and is never wrapped around (S55)`()
        async throws
    {
        let most = AsyncSemaphore.maximumPermits
        let semaphore = try AsyncSemaphore(most)
        #expect(throws: SemaphoreError.aboveMaximum(permits: most + 1, maximum: most)) {
            try semaphore.release()
        }
        #expect(throws: SemaphoreError.aboveMaximum(permits: .max, maximum: most)) {
            try semaphore.release(.max)
        }
        #expect(semaphore.statistics.available == most)
        #expect(throws: SemaphoreError.aboveMaximum(permits: most + 1, maximum: most)) {
            try AsyncSemaphore(most + 1)
        }
        #expect(throws: SemaphoreError.self) { try AsyncSemaphore(0, maximum: .max) }
        #expect(semaphore.tryAcquire(most))
        await #expect(throws: SemaphoreError.aboveMaximum(permits: most + 1, maximum: most)) {
            try await semaphore.acquire(most + 1)
        }
    }

    @Test func `counts below one are refused`() async throws {
        let semaphore = try AsyncSemaphore(1)
        #expect(!semaphore.tryAcquire(0))
        #expect(!semaphore.tryAcquire(-1))
        #expect(throws: SemaphoreError.negativeCount(0)) { try semaphore.release(0) }
        #expect(throws: SemaphoreError.negativeCount(-3)) { try semaphore.release(-3) }
        await #expect(throws: SemaphoreError.negativeCount(0)) { try await semaphore.acquire(0) }
        #expect(semaphore.statistics.available == 1)
    }

    @Test func `a non-waiting acquire of many takes all or nothing (S51)`() throws {
        let semaphore = try AsyncSemaphore(3)
        #expect(!semaphore.tryAcquire(4))
        #expect(semaphore.statistics.available == 3)
        #expect(semaphore.tryAcquire(3))
        #expect(semaphore.statistics.available == 0)
    }

    @Test func `withPermit gives the permit back, however its body ends`() async throws {
        try await onLoop {
            struct Failure: Error {}
            let semaphore = try AsyncSemaphore(1, maximum: 1)
            #expect(try await semaphore.withPermit { semaphore.tryAcquire() } == false)
            #expect(semaphore.statistics.available == 1)
            await #expect(throws: Failure.self) {
                try await semaphore.withPermit { throw Failure() }
            }
            #expect(semaphore.statistics.available == 1)
            let holder = spawn { try await semaphore.withPermit { try await sleep(for: .hour) } }
            try await settle()
            #expect(semaphore.statistics.available == 0)
            holder.cancel()
            await #expect(throws: CancellationError.self) { try await holder.value }
            #expect(semaphore.statistics.available == 1)
        }
    }

    @Test func `the statistics count those who had to wait`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await semaphore.acquire()
            let waiting = spawn { try await semaphore.acquire() }
            try await settle()
            #expect(semaphore.statistics == .init(available: 0, waiting: 1, waited: 1))
            try semaphore.release()
            try await waiting.value
            #expect(semaphore.statistics == .init(available: 0, waiting: 0, waited: 1))
        }
    }

    @Test func `a task that never has to wait lets others run all the same`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            let isOver = Recorder<Bool>()
            spawn { isOver.append(true) }
            while isOver.count == 0 {
                try await semaphore.acquire()
                try semaphore.release()
            }
        }
    }

    @Test func `the errors say what is wrong`() {
        #expect("\(SemaphoreError.negativeCount(-1))".contains("-1"))
        #expect("\(SemaphoreError.aboveMaximum(permits: 3, maximum: 2))".contains("3"))
        #expect("\(SemaphoreError.closed)".contains("closed"))
    }
}
