import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Racing operations: S215, S216, S217.
@Suite(.watched)
struct RaceTests {
    @Test func `the first to end wins; the others are cancelled, and have ended`() async throws {
        try await withVirtualTime {
            let ended = Recorder<String>()
            let winner = try await race(
                { try await runner("slow", 3, ended) }, { try await runner("quick", 1, ended) },
                { try await runner("middle", 2, ended) })
            #expect(winner == "quick")
            #expect(VirtualTime.now == .seconds(1))
            #expect(
                Set(ended.elements) == ["quick", "slow cancelled", "middle cancelled"])
        }
    }

    @Test func `the clean-up of the losers is awaited`() async throws {
        try await withVirtualTime {
            let cleanedUp = Recorder<Int>()
            let value = try await race(
                { 1 },
                {
                    do { try await sleep(for: .hour) } catch {
                        for _ in 0..<5 { await Task.yield() }
                        cleanedUp.append(2)
                    }
                    return 2
                }, order: .written)
            #expect(value == 1)
            #expect(cleanedUp.elements == [2])
        }
    }

    @Test func `by default an error wins as well as a value`() async throws {
        try await withVirtualTime {
            await #expect(throws: Failure(number: 1)) {
                try await race(
                    {
                        try await sleep(for: .seconds(1))
                        throw Failure(number: 1)
                    },
                    { try await sleep(for: .seconds(2)) })
            }
            #expect(VirtualTime.now == .seconds(1))
        }
    }

    @Test func `if a value is wanted, errors are passed over`() async throws {
        try await withVirtualTime {
            let value = try await race(
                { () async throws -> Int in throw Failure(number: 1) },
                {
                    try await sleep(for: .seconds(2))
                    return 2
                },
                { () async throws -> Int in
                    try await sleep(for: .seconds(1))
                    throw Failure(number: 3)
                }, until: .firstValue)
            #expect(value == 2)
        }
    }

    @Test func `if nobody has a value, all errors are told, in the order of the contenders`()
        async throws
    {
        try await withVirtualTime {
            let failures = await #expect(throws: RaceError.self) {
                try await race(until: .firstValue) {
                    for number in [3, 1, 2] {
                        Contender<Void> {
                            try await sleep(for: .seconds(number))
                            throw Failure(number: number)
                        }
                    }
                }
            }
            #expect(failures?.numbers == [3, 1, 2])
            #expect("\(RaceError.allFailed([Failure(number: 1)]))".hasPrefix("all 1 attempts"))
        }
    }

    @Test func `a race of nobody is refused, one of one is run`() async throws {
        try await withVirtualTime {
            for rule in [RaceRule.firstEnd, .firstValue] {
                let error = await #expect(throws: RaceError.self) {
                    try await race(until: rule) { for _ in 0..<0 { Contender { 1 } } }
                }
                #expect(error?.numbers == nil)
            }
            let value = try await race { Contender { 4 } }
            #expect(value == 4)
        }
    }

    @Test func `a contender may be switched off by a condition (S216)`() async throws {
        try await withVirtualTime {
            for isOn in [false, true] {
                let built = try await race(order: .written) {
                    if isOn { Contender { 3 } }
                    switch isOn {
                    case true: Contender { 4 }
                    case false: Contender { 5 }
                    }
                }
                #expect(built == (isOn ? 3 : 5))
            }
        }
    }

    @Test func `of contenders that are all ready, the first wins if that is asked for (S216)`()
        async throws
    {
        try await onLoop {
            for _ in 0..<50 {
                let winner = try await race({ 1 }, { 2 }, { 3 }, order: .written)
                #expect(winner == 1)
            }
        }
    }

    @Test func `by default any of them wins, none is starved (S216)`() async throws {
        try await onLoop {
            var wins = [0, 0, 0]
            for _ in 0..<300 { wins[try await race({ 0 }, { 1 }, { 2 })] += 1 }
            // One in about 10^52 runs fails if it is fair.
            #expect(wins.allSatisfy { $0 > 0 }, "\(wins)")
        }
    }

    @Test func `a seed determines which of them wins (S216)`() async throws {
        try await onLoop {
            var winners: Set<Int> = []
            for seed in 0..<20 as Range<UInt64> {
                let first = try await race({ 0 }, { 1 }, { 2 }, order: .seeded(seed))
                let second = try await race({ 0 }, { 1 }, { 2 }, order: .seeded(seed))
                #expect(first == second)
                winners.insert(first)
            }
            #expect(winners == [0, 1, 2])
        }
    }

    @Test func `one that was ready, and has not won, has taken nothing (S215)`() async throws {
        try await withSeeds { seed in
            let semaphores = try (0..<3).map { _ in try AsyncSemaphore(0) }
            let racing = spawn(name: "race") {
                try await race {
                    for (number, semaphore) in semaphores.enumerated() {
                        Contender {
                            try await semaphore.acquire()
                            return number
                        }
                    }
                }
            }
            try await waitUntilAllBlocked()
            // All three are ready before any of them runs.
            for semaphore in semaphores { try semaphore.release() }
            let winner = try await racing.value
            for (number, semaphore) in semaphores.enumerated() {
                #expect(semaphore.statistics.available == (number == winner ? 0 : 1))
            }
        }
    }

    @Test func `one that need not have waited has taken nothing either (S215)`() async throws {
        try await withSeeds { seed in
            let semaphores = try (0..<3).map { _ in try AsyncSemaphore(1) }
            let winner = try await race(order: .seeded(seed)) {
                for (number, semaphore) in semaphores.enumerated() {
                    Contender {
                        try await semaphore.acquire()
                        return number
                    }
                }
            }
            let taken = semaphores.indices.filter { semaphores[$0].statistics.available == 0 }
            #expect(taken == [winner])
        }
    }

    @Test func `a loop over races that are always ready lets others run (S217)`() async throws {
        try await onLoop {
            var isOver = false
            let others = spawn {
                var turns = 0
                while turns < 3 {
                    try await yield()
                    turns += 1
                }
            }
            var races = 0
            while !isOver, races < 100_000 {
                _ = try await race({ 1 }, { 2 })
                races += 1
                isOver = others.isFinished
            }
            #expect(isOver)
        }
    }

    @Test func `a caller that was cancelled before starts nothing`() async throws {
        try await onLoop {
            let started = Recorder<Int>()
            let racing = spawn {
                TaskIdentity.current?.cancel()
                try await race({ started.append(1) }, { started.append(2) })
            }
            await #expect(throws: CancellationError.self) { try await racing.value }
            #expect(started.count == 0)
        }
    }

    @Test func `cancelling the caller cancels the contenders, and awaits them`() async throws {
        try await withVirtualTime {
            for rule in [RaceRule.firstEnd, .firstValue] {
                let ended = Recorder<String>()
                let racing = spawn {
                    try await race(
                        { try await runner("one", 5, ended) },
                        { try await runner("two", 6, ended) }, until: rule)
                }
                try await waitUntilAllBlocked()
                racing.cancel()
                await #expect(throws: CancellationError.self) { try await racing.value }
                #expect(Set(ended.elements) == ["one cancelled", "two cancelled"])
            }
        }
    }

    @Test func `a contender that ends with a value in spite of the cancellation wins`() async throws
    {
        try await withVirtualTime {
            let racing = spawn { () async throws -> Int in
                try await race(
                    {
                        try await sleep(for: .hour)
                        return 1
                    },
                    {
                        try? await sleep(for: .hour)
                        await Task.yield()
                        return 2
                    })
            }
            try await waitUntilAllBlocked()
            racing.cancel()
            #expect(try await racing.value == 2)
            #expect(racing.isCancelled)
        }
    }

    @Test func `cancelled when the winner is ready but has not run, in any order: one outcome`()
        async throws
    {
        try await withSeeds { seed in
            let semaphore = try AsyncSemaphore(0)
            let racing = spawn(name: "race") {
                try await race(
                    { try await semaphore.acquire() }, { try await sleep(for: .hour) })
            }
            try await waitUntilAllBlocked()
            if seed % 2 == 0 {
                try semaphore.release()
                racing.cancel()
            } else {
                racing.cancel()
                try semaphore.release()
            }
            let isTaken: Bool
            switch await racing.result {
            case .success: isTaken = true
            case .failure(let error):
                isTaken = false
                #expect(error is CancellationError)
            }
            #expect(semaphore.statistics.available == (isTaken ? 0 : 1))
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `races within races, and in a time-out`() async throws {
        try await withVirtualTime {
            let value = try await withTimeout(.seconds(9)) {
                try await race(
                    {
                        try await race(
                            { try await sleep(for: .hour) }, { try await sleep(for: .seconds(2)) })
                        return 1
                    },
                    {
                        try await sleep(for: .seconds(3))
                        return 2
                    })
            }
            #expect(value == 1)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) {
                    try await race(
                        { try await sleep(for: .hour) }, { try await sleep(for: .hour) })
                }
            }
            #expect(VirtualTime.now == .seconds(3))
        }
    }

    @Test func `when the loop stops, a race that it does not know ends`() async throws {
        for rule in [RaceRule.firstEnd, .firstValue] {
            let loop = try EventLoop.start(configuration: .quiet)
            let racing = Task(executorPreference: loop.taskExecutor) {
                try await race(
                    { try await sleep(for: .hour) }, { try await sleep(for: .hour) }, until: rule)
            }
            while try await loop.run({ loop.core.sleeperCount < 2 }) {}
            try await loop.shutdown()
            await #expect(throws: EventLoopError.stopped) { try await racing.value }
        }
    }

    @Test func `contenders that wait for other threads: one outcome each`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            var acquired = 0
            for _ in 0..<200 {
                let releasing = other.spawn { try semaphore.release() }
                let isAcquired = try await race(
                    {
                        try await semaphore.acquire()
                        return true
                    },
                    {
                        try await sleep(for: .microseconds(20))
                        return false
                    })
                if isAcquired { acquired += 1 }
                try await releasing.value
            }
            #expect(semaphore.statistics.available == 200 - acquired)
        }
        try await other.shutdown()
    }
}

/// Sleeps for seconds, and notes how it ended.
private func runner(
    _ name: String, _ seconds: Int, _ ended: Recorder<String>
) async throws -> String {
    do { try await sleep(for: .seconds(seconds)) } catch {
        ended.append("\(name) cancelled")
        throw error
    }
    ended.append(name)
    return name
}

extension RaceError {
    /// The numbers of the failures; nil if nobody took part.
    var numbers: [Int]? {
        switch self {
        case .noContenders: nil
        case .allFailed(let errors): errors.compactMap { ($0 as? Failure)?.number }
        }
    }
}
