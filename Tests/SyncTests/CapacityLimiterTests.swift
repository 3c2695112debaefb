import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct CapacityLimiterTests {
    private final class Customer: Sendable {
        let gone: Recorder<Void>?
        init(gone: Recorder<Void>? = nil) { self.gone = gone }
        deinit { gone?.append(()) }
    }

    @Test func `a token that an object has is given back on its behalf only, by any task (S59)`()
        async throws
    {
        try await onLoop {
            let limiter = try CapacityLimiter(1)
            let customer = Customer()
            try await limiter.acquire(onBehalfOf: customer)
            #expect(throws: CapacityError.notBorrowing) { try limiter.release() }
            #expect(throws: CapacityError.notBorrowing) {
                try limiter.release(onBehalfOf: Customer())
            }
            await #expect(throws: CapacityError.alreadyBorrowing) {
                try await limiter.acquire(onBehalfOf: customer)
            }
            #expect(throws: CapacityError.alreadyBorrowing) {
                try limiter.tryAcquire(onBehalfOf: customer)
            }
            let other = spawn { try limiter.release(onBehalfOf: customer) }
            try await other.value
            #expect(limiter.statistics.available == 1)
        }
    }

    @Test func `a task's token is its own (S59)`() async throws {
        try await onLoop {
            let limiter = try CapacityLimiter(2)
            try await limiter.acquire()
            await #expect(throws: CapacityError.alreadyBorrowing) { try await limiter.acquire() }
            #expect(throws: CapacityError.alreadyBorrowing) { try limiter.tryAcquire() }
            let other = spawn {
                _ = #expect(throws: CapacityError.notBorrowing) { try limiter.release() }
            }
            await other.value
            try await onThread {
                #expect(throws: CapacityError.noTask) { try limiter.release() }
                #expect(throws: CapacityError.noTask) { try limiter.tryAcquire() }
            }
            #expect(limiter.statistics == .init(total: 2, borrowed: 1, waiting: 0))
            try limiter.release()
            #expect(throws: CapacityError.notBorrowing) { try limiter.release() }
        }
    }

    @Test func `an object that waits already is not queued twice`() async throws {
        try await onLoop {
            let limiter = try CapacityLimiter(0)
            let customer = Customer()
            let waiting = spawn { try await limiter.acquire(onBehalfOf: customer) }
            try await settle()
            await #expect(throws: CapacityError.alreadyBorrowing) {
                try await limiter.acquire(onBehalfOf: customer)
            }
            #expect(limiter.statistics.waiting == 1)
            try limiter.resize(to: 1)
            try await waiting.value
            try limiter.release(onBehalfOf: customer)
        }
    }

    @Test func `more tokens let in as many as there are more (S61)`() async throws {
        try await onLoop {
            let limiter = try CapacityLimiter(1)
            let entered = Recorder<Int>()
            let customers = (0..<6).map { _ in Customer() }
            let tasks = customers.enumerated().map { index, customer in
                spawn {
                    try await limiter.acquire(onBehalfOf: customer)
                    entered.append(index)
                }
            }
            try await settle()
            #expect(entered.elements == [0])
            try limiter.resize(to: 3)
            #expect(limiter.statistics == .init(total: 3, borrowed: 3, waiting: 3))
            try await settle()
            #expect(entered.elements == [0, 1, 2])
            // Fewer: what is out stays out, and must come back before anybody else gets in.
            try limiter.resize(to: 1)
            #expect(limiter.statistics.available == 0)
            for customer in customers[0..<2] { try limiter.release(onBehalfOf: customer) }
            try await settle()
            #expect(entered.count == 3)
            #expect(limiter.statistics == .init(total: 1, borrowed: 1, waiting: 3))
            try limiter.release(onBehalfOf: customers[2])
            try await settle()
            #expect(entered.elements == [0, 1, 2, 3])
            try limiter.resize(to: CapacityLimiter.infinite)
            for task in tasks { try await task.value }
            #expect(limiter.statistics.available == CapacityLimiter.infinite)
        }
    }

    @Test func `zero blocks everybody until there is more, infinity nobody (S62)`() async throws {
        try await onLoop {
            let limiter = try CapacityLimiter(0)
            #expect(try !limiter.tryAcquire())
            let waiting = spawn { try await limiter.withToken {} }
            try await settle()
            #expect(!waiting.isFinished)
            try limiter.resize(to: 1)
            try await waiting.value
            let infinite = try CapacityLimiter(CapacityLimiter.infinite)
            let customers = (0..<100).map { _ in Customer() }
            for customer in customers {
                #expect(try infinite.tryAcquire(onBehalfOf: customer))
            }
            #expect(infinite.statistics.borrowed == 100)
        }
        for total in [-1, Int.min] {
            #expect(throws: CapacityError.negativeTotal(total)) { try CapacityLimiter(total) }
        }
        let limiter = try CapacityLimiter(1)
        #expect(throws: CapacityError.negativeTotal(-5)) { try limiter.resize(to: -5) }
        #expect(limiter.statistics.total == 1)
    }

    @Test func `a cancelled wait leaves no trace of the borrower (S63)`() async throws {
        try await onLoop {
            let gone = Recorder<Void>()
            let limiter = try CapacityLimiter(0)
            do {
                let waiting = spawn { try await limiter.acquire(onBehalfOf: Customer(gone: gone)) }
                try await settle()
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
            try await until { gone.count == 1 }
            // Nor does one that was lent a token, and cancelled in one.
            do {
                let waiting = spawn { try await limiter.acquire(onBehalfOf: Customer(gone: gone)) }
                try await settle()
                try limiter.resize(to: 1)
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
            try await until { gone.count == 2 }
            #expect(limiter.statistics == .init(total: 1, borrowed: 0, waiting: 0))
        }
    }

    @Test func `an object lives as long as it has a token`() async throws {
        let gone = Recorder<Void>()
        let limiter = try CapacityLimiter(1)
        let identity = Recorder<ObjectIdentifier>()
        do {
            let customer = Customer(gone: gone)
            identity.append(ObjectIdentifier(customer))
            #expect(try limiter.tryAcquire(onBehalfOf: customer))
        }
        #expect(gone.count == 0)
        #expect(limiter.statistics.borrowed == 1)
    }

    @Test func `the errors say which rule was broken`() {
        #expect("\(CapacityError.negativeTotal(-3))".contains("-3"))
        #expect("\(CapacityError.alreadyBorrowing)".contains("already"))
        #expect("\(CapacityError.notBorrowing)".contains("no token"))
        #expect("\(CapacityError.noTask)".contains("task"))
    }
}
