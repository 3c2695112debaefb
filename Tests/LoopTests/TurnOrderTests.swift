import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

/// In which order a turn does things, and that nobody can keep the others waiting.
@Suite(.watched)
struct TurnOrderTests {
    @Test func `jobs run in the order in which they became ready (S350)`() async throws {
        let order = Recorder<Int>()
        try await onLoop {
            for number in 0..<1_500 { spawn { order.append(number) } }
            try await settle()
        }
        #expect(order.elements == Array(0..<1_500))
    }

    @Test func `a task that was cancelled before it began does nothing on the loop (S350)`()
        async throws
    {
        let order = Recorder<Int>()
        try await onLoop {
            for number in 0..<10 {
                let task = spawn {
                    try await yield()
                    order.append(number)
                }
                if number.isMultiple(of: 2) { task.cancel() }
            }
            try await settle()
        }
        #expect(order.elements == [1, 3, 5, 7, 9])
    }

    @Test func `jobs run in order whatever their priority (H17)`() async throws {
        let order = Recorder<Int>()
        let priorities: [TaskPriority] = [.background, .high, .low, .userInitiated, .medium]
        try await onLoop {
            let executor = currentLoop.taskExecutor
            let tasks = (0..<100).map { number in
                Task(executorPreference: executor, priority: priorities[number % 5]) {
                    order.append(number)
                }
            }
            for task in tasks { await task.value }
        }
        #expect(order.elements == Array(0..<100))
    }

    @Test func `a low priority runs while high ones are always ready (H17)`() async throws {
        try await onLoop {
            let executor = currentLoop.taskExecutor
            let low = Recorder<Bool>()
            let busy = (0..<4).map { _ in
                Task(executorPreference: executor, priority: .high) {
                    while low.count == 0 { try await yield() }
                }
            }
            Task(executorPreference: executor, priority: .background) { low.append(true) }
            for task in busy { try await task.value }
        }
    }

    @Test func `a task that yields runs after the kernel was asked (S346)`() async throws {
        try await onLoop {
            let loop = currentLoop
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            for _ in 0..<20 {
                let before = loop.statistics.polls
                try await yield()
                #expect(loop.statistics.polls > before)
            }
            await listener.close()
        }
    }

    @Test func `a task that yields runs after all that is ready, and what they make ready (S346)`()
        async throws
    {
        let order = Recorder<String>()
        try await onLoop {
            spawn {
                order.append("first")
                spawn { order.append("made by the first") }
            }
            spawn { order.append("second") }
            try await yield()
            order.append("yielded")
        }
        #expect(order.elements == ["first", "second", "made by the first", "yielded"])
    }

    @Test func `the body hears another thread while the loop is saturated (S345)`() async throws {
        try await onLoop {
            let done = Recorder<Bool>()
            let busy = (0..<50).map { _ in
                spawn { while done.count == 0 { try await yield() } }
            }
            let value = await withCheckedContinuation { continuation in
                do {
                    try CurrentThread.start(name: "signal") { continuation.resume(returning: 5) }
                } catch { continuation.resume(returning: 0) }
            }
            #expect(value == 5)
            done.append(true)
            _ = try await gather(busy)
        }
    }

    @Test func `two tasks that wake each other for ever starve nobody else (S347 S329)`()
        async throws
    {
        try await onLoop {
            let (ping, pong) = (try AsyncSemaphore(1), try AsyncSemaphore(0))
            let players = [(ping, pong), (pong, ping)].map { take, give in
                spawn {
                    while true {
                        try await take.acquire()
                        try give.release()
                    }
                }
            }
            try await sleep(for: .milliseconds(2))
            let loop = currentLoop
            await withCheckedContinuation { continuation in
                do {
                    try CurrentThread.start(name: "third") {
                        loop.core.post { continuation.resume() }
                    }
                } catch { continuation.resume() }
            }
            for player in players { player.cancel() }
            _ = await gatherResults(players)
        }
    }

    @Test func `a turn runs no more jobs than it is allowed to (S347 S329)`() async throws {
        var configuration = EventLoop.Configuration.quiet
        configuration.jobsPerTurn = 10
        try await onFakeClock(configuration: configuration) {
            let loop = currentLoop
            let fired = Recorder<UInt64>()
            let sleeper = spawn { try await sleep(for: .milliseconds(1)) }
            try await settle(2)
            for _ in 0..<100 { spawn { fired.append(loop.statistics.timersFired) } }
            advanceFakeClock(milliseconds: 2)
            try await sleeper.value
            // The kernel was asked after the first jobs, and all of them were ready before.
            #expect(fired.elements.prefix(10).contains(0))
            #expect(fired.elements.dropFirst(10).allSatisfy { $0 == 1 })
            #expect(fired.count == 100)
        }
    }

    @Test func `a turn ends when its time is up, looked at after every 32 jobs (S347)`()
        async throws
    {
        try await onFakeClock {
            let loop = currentLoop
            try await sleep(for: .milliseconds(1))
            let turns = Recorder<UInt64>()
            let tasks = (0..<320).map { _ in
                spawn {
                    advanceFakeClock(milliseconds: 1)
                    turns.append(loop.statistics.turns)
                }
            }
            _ = try await gather(tasks)
            let perTurn = Dictionary(grouping: turns.elements) { $0 }.values.map(\.count)
            // The turn in which they became ready expected no need to look at the clock, and counts
            // its time from its first look.
            #expect(perTurn.max() ?? 0 <= 64)
            #expect(perTurn.filter { $0 > 32 }.count <= 1)
        }
    }

    @Test func `a call that sends itself again and again starves nobody (S370)`() async throws {
        try await onLoop {
            let again = Again(currentLoop.core)
            again.call()
            try await sleep(for: .milliseconds(1))
            try await settle()
            #expect(again.count > 20)
            again.isOver = true
        }
    }

    @Test func `due timers come before readiness, and both after the ready jobs`() async throws {
        let order = Recorder<String>()
        try await onFakeClock {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            let accepting = spawn {
                let stream = try await listener.accept()
                order.append("accepted")
                await stream.close()
            }
            let sleeper = spawn {
                try await sleep(for: .milliseconds(1))
                order.append("slept")
            }
            try await settle(2)
            // Both become ready within this job, the descriptor first.
            let stream = spawn { try await TCPStream.connect(to: listener.localAddress) }
            spawn {
                advanceFakeClock(milliseconds: 5)
                order.append("job")
            }
            try await accepting.value
            try await sleeper.value
            await (try stream.value).close()
            await listener.close()
        }
        #expect(order.elements == ["job", "slept", "accepted"])
    }
}

/// A call that sends itself to the loop until it is over. Loop thread only, but for its making.
private final class Again: @unchecked Sendable {
    private let core: LoopCore
    private(set) var count = 0
    var isOver = false

    init(_ core: LoopCore) { self.core = core }

    func call() {
        count += 1
        if !isOver { core.post { self.call() } }
    }
}
