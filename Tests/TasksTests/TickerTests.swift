import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Periodic ticks: S318, S320, S326, S327, S328, and B9: what happens with ticks that were missed.
@Suite(.watched)
struct TickerTests {
    @Test func `ticks come at the period, the first after one`() async throws {
        try await withVirtualTime {
            var times: [Duration] = []
            let ticker = try Ticker(every: .seconds(2))
            try await sleep(for: .seconds(1))
            for try await tick in ticker {
                times.append(VirtualTime.now)
                #expect(tick == Ticker.Tick(number: times.count, lateness: .zero, missed: 0))
                if times.count == 3 { break }
            }
            // The first period begins with the first wait.
            #expect(times == [3, 5, 7].map { .seconds($0) })
            #expect(ticker.statistics == .init(ticks: 3, missed: 0))
        }
    }

    @Test func `the first tick may come at once, or at any other time`() async throws {
        try await withVirtualTime {
            let now = try Ticker(every: .seconds(2), first: .zero)
            _ = try await now.next()
            #expect(VirtualTime.now == .zero)
            _ = try await now.next()
            #expect(VirtualTime.now == .seconds(2))
            let later = try Ticker(every: .seconds(2), first: .seconds(5))
            _ = try await later.next()
            _ = try await later.next()
            #expect(VirtualTime.now == .seconds(9))
        }
    }

    @Test func `with burst all missed ticks come at once, none is lost (B9)`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .milliseconds(1), missed: .burst)
            _ = try await ticker.next()
            try await sleep(for: .milliseconds(50))
            var atOnce = 0
            while let tick = ticker.tryNext() {
                atOnce += 1
                #expect(tick.missed == 0)
                #expect(tick.lateness == .milliseconds(50 - atOnce))
            }
            #expect(atOnce == 50)
            _ = try await ticker.next()
            #expect(VirtualTime.now == .milliseconds(52))
        }
    }

    @Test func `with skip the late tick comes, the next in its place (B9)`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .milliseconds(10), missed: .skip)
            _ = try await ticker.next()
            try await sleep(for: .milliseconds(54))
            let late = try await ticker.next()
            #expect(late == .init(number: 2, lateness: .milliseconds(44), missed: 4))
            #expect(VirtualTime.now == .milliseconds(64))
            let next = try await ticker.next()
            #expect(next == .init(number: 3, lateness: .zero, missed: 0))
            #expect(VirtualTime.now == .milliseconds(70))
            #expect(ticker.statistics == .init(ticks: 3, missed: 4))
        }
    }

    @Test func `with delay there is a period between any two ticks (B9)`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .milliseconds(10), missed: .delay)
            _ = try await ticker.next()
            try await sleep(for: .milliseconds(15))
            #expect(
                try await ticker.next()
                    == .init(number: 2, lateness: .milliseconds(5), missed: 0))
            try await sleep(for: .milliseconds(1))
            _ = try await ticker.next()
            #expect(VirtualTime.now == .milliseconds(35))
            try await sleep(for: .milliseconds(35))
            #expect(
                try await ticker.next()
                    == .init(number: 4, lateness: .milliseconds(25), missed: 2))
        }
    }

    @Test func `a loop over ticks that are all due lets others run`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .nanoseconds(1), missed: .burst)
            _ = try await ticker.next()
            try await sleep(for: .microseconds(10))
            let other = spawn { try await settle(3) }
            for try await _ in ticker where other.isFinished { break }
            #expect(ticker.statistics.ticks < 10_000)
        }
    }

    @Test func `a period of zero, or less, is refused (S299, S326)`() async throws {
        for period in [Duration.zero, .seconds(-1)] {
            #expect(throws: TickerError.invalidPeriod(period)) { try Ticker(every: period) }
        }
        #expect(throws: TickerError.invalidDelay(.seconds(-1))) {
            try Ticker(every: .seconds(1), first: .seconds(-1))
        }
        for jitter in [Duration.seconds(-1), .seconds(2)] {
            #expect(throws: TickerError.invalidJitter(jitter)) {
                try Ticker(every: .seconds(1), jitter: jitter)
            }
        }
        #expect("\(TickerError.invalidPeriod(.zero))".contains("above zero"))
    }

    @Test func `an enormous period does not overflow (S326)`() async throws {
        try await withVirtualTime {
            for missed in [Ticker.MissedTicks.burst, .delay, .skip] {
                let ticker = try Ticker(
                    every: .seconds(Int64.max), first: .seconds(1), missed: missed,
                    jitter: .seconds(1))
                #expect(try await ticker.next()?.number == 1)
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.seconds(365 * 86_400)) { try await ticker.next() }
                }
                #expect(ticker.reset(after: .seconds(Int64.max)))
                #expect(ticker.tryNext() == nil)
            }
        }
    }

    @Test func `reset begins a new period from now, also for one who waits (S318, S326)`()
        async throws
    {
        try await withVirtualTime {
            let ticker = try Ticker(every: .seconds(10))
            let times = Recorder<Duration>()
            let ticking = spawn(name: "ticking") {
                for try await _ in ticker { times.append(VirtualTime.now) }
            }
            try await sleep(for: .seconds(4))
            #expect(ticker.reset())  // later: 14 instead of 10
            try await sleep(for: .seconds(11))
            #expect(ticker.reset(after: .seconds(1)))  // earlier: 16 instead of 24
            try await sleep(for: .seconds(12))
            #expect(ticker.reset(after: .zero))  // at once: 27
            #expect(ticker.reset(after: .zero))  // twice is once
            try await sleep(for: .seconds(11))
            ticker.stop()
            try await ticking.value
            #expect(times.elements == [14, 16, 26, 27, 37].map { .seconds($0) })
        }
    }

    @Test func `a tick that is due and not taken is put off by a reset (S318)`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .seconds(1), first: .zero)
            #expect(ticker.tryNext() != nil)
            try await sleep(for: .seconds(5))
            ticker.reset()
            #expect(ticker.tryNext() == nil)
            _ = try await ticker.next()
            #expect(VirtualTime.now == .seconds(6))
        }
    }

    @Test func `stop ends the sequence, from within and from elsewhere (S327)`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .seconds(1))
            let ticks = Recorder<Int>()
            let inside = spawn(name: "inside") {
                for try await tick in ticker {
                    ticks.append(tick.number)
                    if tick.number == 2 { ticker.stop() }
                }
            }
            try await inside.value
            #expect(ticks.elements == [1, 2])
            #expect(try await ticker.next() == nil)
            #expect(ticker.tryNext() == nil)
        }
        try await onLoop {
            let ticker = try Ticker(every: .seconds(3600))
            let ticking = spawn { for try await _ in ticker {} }
            try await settle()
            try await onThread { ticker.stop() }
            // The task's own end says that it is over.
            try await ticking.value
            #expect(armedTimers() == 0)
        }
    }

    @Test func `a stopped ticker cannot be started again (S320)`() async throws {
        let ticker = try Ticker(every: .seconds(1))
        ticker.stop()
        ticker.stop()
        #expect(!ticker.reset())
        #expect(!ticker.reset(after: .zero))
        #expect(ticker.tryNext() == nil)
    }

    @Test func `a ticker keeps neither a task nor a loop, nor a timer while nobody waits (S328)`()
        async throws
    {
        weak var dropped: Ticker?
        try await onLoop {
            let ticker = try Ticker(every: .microseconds(10))
            _ = try await ticker.next()
            #expect(armedTimers() == 0)
        }
        do {
            let ticker = try Ticker(every: .microseconds(10))
            dropped = ticker
            #expect(ticker.tryNext() == nil)
        }
        #expect(dropped == nil)
    }

    @Test func `cancelled before, and while waiting: no tick is lost`() async throws {
        try await withVirtualTime {
            let ticker = try Ticker(every: .seconds(1), missed: .burst)
            let before = spawn {
                TaskIdentity.current?.cancel()
                return try await ticker.next()
            }
            await #expect(throws: CancellationError.self) { try await before.value }
            let waiting = spawn(name: "waiting") { try await ticker.next() }
            try await sleep(for: .milliseconds(500))
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(armedTimers() == 0)
            #expect(try await ticker.next()?.number == 1)
        }
    }

    @Test func `cancelled in the step of the tick, in any order: the tick is taken once`()
        async throws
    {
        try await withSeeds { seed in
            let ticker = try Ticker(every: .seconds(1), missed: .burst)
            let tasks = (0..<3).map { number in
                spawn(name: "task \(number)") { try await ticker.next() }
            }
            let cancelling = spawn(name: "cancelling") {
                try await sleep(for: .seconds(1))
                tasks[0].cancel()
            }
            var numbers: [Int] = []
            for task in tasks {
                if case .success(let tick) = await task.result, let tick {
                    numbers.append(tick.number)
                }
            }
            try await cancelling.value
            #expect(numbers.sorted() == Array(1...numbers.count))
            #expect(numbers.count >= 2)
            #expect(ticker.statistics.ticks == numbers.count)
        }
    }

    @Test func `jitter puts each tick off, within its bound, and the grid stays`() async throws {
        try await withVirtualTime {
            var seen: [[Duration]] = []
            for _ in 0..<2 {
                let start = VirtualTime.now
                let ticker = try Ticker(every: .seconds(10), jitter: .seconds(4), seed: 7)
                var offsets: [Duration] = []
                for try await tick in ticker {
                    let offset = VirtualTime.now - start - .seconds(10 * tick.number)
                    #expect(offset >= .zero && offset <= .seconds(4))
                    #expect(tick.lateness == .zero && tick.missed == 0)
                    offsets.append(offset)
                    if tick.number == 20 { break }
                }
                #expect(Set(offsets).count > 10)
                seen.append(offsets)
            }
            #expect(seen[0] == seen[1])
        }
    }

    @Test func `off any loop, and at module level, a ticker works too`() async throws {
        _ = try await Self.shared.next()
        let first = Self.shared.statistics.ticks
        try await onLoop { _ = try await Self.shared.next() }
        #expect(Self.shared.statistics.ticks == first + 1)
        let waiting = Task { try await Ticker(every: .hour).next() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let stopping = try Ticker(every: .hour)
        let task = Task { try await stopping.next() }
        stopping.stop()
        #expect(try await task.value == nil)
    }

    private static let shared: Ticker = {
        do { return try Ticker(every: .microseconds(100)) } catch { fatalError("\(error)") }
    }()

    @Test func `when the loop stops, one who waits learns of it`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let ticker = try Ticker(every: .hour)
        let waiting = Task(executorPreference: loop.taskExecutor) { try await ticker.next() }
        while try await loop.run({ loop.core.sleeperCount == 0 }) {}
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await waiting.value }
        let late = Task(executorPreference: loop.taskExecutor) { try await ticker.next() }
        await #expect(throws: EventLoopError.stopped) { try await late.value }
    }

    @Test func `loops on two threads share a ticker, which a third resets: each tick once`()
        async throws
    {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let ticker = try Ticker(every: .microseconds(20), missed: .burst)
        let numbers = Recorder<Int>()
        let tasks = loops.map { loop in
            loop.spawn { () async throws -> Void in
                for try await tick in ticker {
                    numbers.append(tick.number)
                    if tick.number >= 2_000 { ticker.stop() }
                }
            }
        }
        try await onThread { for _ in 0..<200 { ticker.reset(after: .zero) } }
        _ = try await gather(tasks)
        #expect(Set(numbers.elements).count == numbers.count)
        #expect(numbers.count == ticker.statistics.ticks)
        for loop in loops { try await loop.shutdown() }
    }
}
