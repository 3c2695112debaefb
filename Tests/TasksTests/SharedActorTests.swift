import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Operations called in an ordinary actor that tasks of a loop share with tasks elsewhere.
///
/// Whoever works off the actor's queue runs everybody's steps, so each may go on on another thread
/// than it waited on. What it left on the loop must be taken back there all the same.
@Suite(.watched)
struct SharedActorTests {
    private actor Office {
        let semaphore: AsyncSemaphore
        private(set) var calls = 0
        private(set) var strays = 0

        init() throws { semaphore = try AsyncSemaphore(1) }

        /// Keeps the actor busy, so that others queue at it.
        private func work() {
            calls &+= 1
            for number in 0..<2_000 { calls &+= number & 0 }
        }

        private func look(_ loop: EventLoop?) {
            work()
            if let loop, !loop.isCurrent { strays += 1 }
        }

        func use(_ operation: Operation, _ number: Int, from loop: EventLoop?) async throws {
            look(loop)
            try await perform(operation, number)
            look(loop)
        }

        /// Listens, connects, writes and reads.
        private func echo(_ number: Int) async throws {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let server = spawn {
                try await listener.accept().withConnection { stream in
                    while let bytes = try await stream.read(upTo: 64) {
                        try await stream.write(bytes)
                    }
                }
            }
            let client = try await TCPStream.connect(to: listener.localAddress)
            let answer = try await client.withConnection { stream in
                try await stream.write("\(number)")
                return try await stream.read(upTo: 64)
            }
            #expect(answer == Array("\(number)".utf8))
            try await server.value
            await listener.close()
        }

        private func perform(_ operation: Operation, _ number: Int) async throws {
            switch operation {
            case .sleep: try await sleep(for: .microseconds(number % 50))
            case .yield: try await yield()
            case .semaphore: try await semaphore.withPermit { self.work() }
            case .timeout: try await withTimeout(.seconds(600)) { try await yield() }
            case .expiry:
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.microseconds(1)) { try await sleep(for: .seconds(600)) }
                }
            case .scope:
                let scope = CancelScope(timeout: .seconds(600))
                _ = try await scope.run { try await yield() }
            case .queue:
                let queue = AsyncQueue<Int>(capacity: 1)
                try await queue.put(number)
                #expect(try await queue.get() == number)
            case .spawn:
                #expect(await spawn { number }.value == number)
            case .gather:
                let (one, two) = (spawn { number }, spawn { number + 1 })
                #expect(try await gather(one, two) == (number, number + 1))
            case .race:
                let first = try await race(order: .written) {
                    Contender { number }
                    Contender {
                        try await sleep(for: .seconds(600))
                        return -1
                    }
                }
                #expect(first == number)
            case .wait:
                let task = spawn { number }
                #expect(try await wait(for: [task], timeout: .seconds(600)).done.count == 1)
            case .taskScope:
                try await withTaskScope { scope in
                    scope.spawn { try await yield() }
                    scope.spawn { try await sleep(for: .microseconds(1)) }
                }
            case .echo: try await echo(number)
            case .blocking: #expect(try await blocking { number } == number)
            }
        }
    }

    /// What needs a loop, and what does not.
    private enum Operation: CaseIterable, Sendable {
        case sleep, yield, semaphore, timeout, expiry, scope, queue, blocking
        case spawn, gather, race, wait, taskScope, echo

        static let anywhere: [Self] = [
            .sleep, .yield, .semaphore, .timeout, .expiry, .scope, .queue, .blocking,
        ]
    }

    @Test(arguments: Operation.allCases)
    private func `whatever thread a step runs on, nothing is left behind`(
        _ operation: Operation
    ) async throws {
        let office = try Office()
        let (tasks, rounds) = (8, 60)
        try await withLoops(2) { loops in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks {
                    for loop in loops {
                        group.addTask {
                            try await loop.spawn {
                                for round in 0..<rounds {
                                    try await office.use(operation, task + round, from: loop)
                                }
                            }.value
                        }
                    }
                    group.addTask {
                        for round in 0..<rounds {
                            let other =
                                Operation.anywhere.contains(operation) ? operation : .sleep
                            try await office.use(other, task + round, from: nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
            for loop in loops { try await Self.expectNothingLeft(on: loop) }
        }
    }

    /// What is sent from elsewhere may still be on its way when its sender goes on.
    private static func expectNothingLeft(on loop: EventLoop) async throws {
        let core = loop.core
        let left = try await loop.run {
            for _ in 0..<20 { try await yield() }
            return [
                "sleepers": core.sleeperCount, "timers": core.poller.timerCount,
                "scopes": core.deadlineScopes.isEmpty ? 0 : 1,
                "tasks": core.snapshot().tasks.count - 1,
            ]
        }
        #expect(left == ["sleepers": 0, "timers": 0, "scopes": 0, "tasks": 0])
    }
}
