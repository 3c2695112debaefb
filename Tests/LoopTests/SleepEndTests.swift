import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// A sleep that ends otherwise than by its deadline.
@Suite(.watched)
struct SleepEndTests {
    @Test func `a sleep of a cancelled task does not begin (S314)`() async throws {
        try await onFakeClock {
            for duration in [Duration.zero, .seconds(1), .hour] {
                let sleeper = spawn { try await sleep(for: duration) }
                sleeper.cancel()
                await #expect(throws: CancellationError.self) { try await sleeper.value }
            }
            #expect(currentLoop.statistics.timersFired == 0)
            #expect(currentLoop.nowNanoseconds == startOfTime)
        }
    }

    @Test func `a sleep cancelled before it is due never fires, and says so (S314)`() async throws {
        try await onFakeClock {
            let sleepers = (1...50).map { number in
                spawn { try await sleep(for: .milliseconds(number)) }
            }
            try await settle()
            #expect(currentLoop.statistics.armedTimers == 50)
            for sleeper in sleepers { sleeper.cancel() }
            for result in await gatherResults(sleepers) {
                #expect(throws: CancellationError.self) { try result.get() }
            }
            #expect(currentLoop.statistics.armedTimers == 0)
            try await sleep(for: .seconds(1))
            #expect(currentLoop.statistics.timersFired == 1)
        }
    }

    @Test func `the body's own sleep is cancelled through its standing waiter (S314)`()
        async throws
    {
        try await onFakeClock {
            let sleeper = spawn {
                try await currentLoop.core.withStandingHandler {
                    try await sleep(for: .milliseconds(1))
                    await #expect(throws: CancellationError.self) { try await sleep(for: .hour) }
                    // It stays cancelled.
                    await #expect(throws: CancellationError.self) { try await sleep(for: .hour) }
                }
            }
            try await sleep(for: .milliseconds(2))
            sleeper.cancel()
            try await sleeper.value
            #expect(currentLoop.statistics.armedTimers == 0)
        }
    }

    @Test func `wherever a task of the loop sleeps, its timer is gone when it goes on`()
        async throws
    {
        actor Sleeper {
            func sleep(_ duration: Duration) async throws {
                try await AsyncCore.sleep(for: duration)
            }
        }
        try await onLoop {
            let sleeper = Sleeper()
            let forms: [@Sendable (Duration) async throws -> Void] = [
                { try await sleep(for: $0) },
                { try await sleep(until: .now + $0) },
                { duration in
                    let task = startUnknownTask { try await sleep(for: duration) }
                    try await withTaskCancellationHandler {
                        try await task.value
                    } onCancel: {
                        task.cancel()
                    }
                },
                { duration in
                    async let child: Void = sleep(for: duration)
                    try await child
                },
                { try await sleeper.sleep($0) },
            ]
            for form in forms {
                for duration in [Duration.zero, .nanoseconds(1), .microseconds(100)] {
                    try await form(duration)
                    try await spawn { try await form(duration) }.value
                }
                let cancelled = spawn { try await form(.hour) }
                try await settle()
                cancelled.cancel()
                _ = await cancelled.result
            }
            try await until { currentLoop.core.sleeperCount == 0 }
            #expect(currentLoop.statistics.armedTimers == 0)
        }
    }

    @Test func `a sleep cancelled in the turn of its end, but after it, has ended well (B18 S314)`()
        async throws
    {
        try await onFakeClock {
            // Equal deadlines: the canceller is told first, in the same turn, and finds the other told, too.
            let box = Recorder<TaskHandle<Bool, any Error>>()
            let canceller = spawn {
                try await sleep(for: .milliseconds(5))
                box.elements[0].cancel()
            }
            box.append(
                spawn {
                    try await sleep(for: .milliseconds(5))
                    return Task.isCancelled
                })
            #expect(try await box.elements[0].value)
            try await canceller.value
            #expect(currentLoop.statistics.timersFired == 2)
        }
    }

    @Test func `a sleep cancelled in the job before its deadline is noticed does not fire (B18)`()
        async throws
    {
        try await onFakeClock {
            let sleeper = spawn { try await sleep(for: .milliseconds(5)) }
            try await settle()
            advanceFakeClock(milliseconds: 100)
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            #expect(currentLoop.statistics.timersFired == 0)
        }
    }

    @Test func `expiry and cancellation from another thread: one of them wins (B18 S314)`()
        async throws
    {
        try await onLoop {
            for _ in 0..<300 {
                let sleeper = spawn { try await sleep(for: .microseconds(60)) }
                try await settle(1)
                try CurrentThread.start(name: "canceller") { sleeper.cancel() }
                if case .failure(let error) = await sleeper.result {
                    #expect(error is CancellationError)
                }
                #expect(currentLoop.statistics.armedTimers == 0)
            }
        }
    }

    @Test func `cancelling the last timer leaves the loop as it was (S317)`() async throws {
        try await onFakeClock {
            let loop = currentLoop
            let long = spawn { try await sleep(for: .milliseconds(20)) }
            let short = spawn { try await sleep(for: .milliseconds(10)) }
            try await sleep(for: .milliseconds(1))
            short.cancel()
            long.cancel()
            _ = await gatherResults(short, long)
            #expect(loop.statistics.armedTimers == 0)
            #expect(loop.nextDeadline == nil)
            let before = loop.statistics.spuriousTurns
            try await sleep(for: .milliseconds(100))
            #expect(fakeMilliseconds == 101)
            #expect(loop.statistics.spuriousTurns - before <= 1)
        }
    }

    @Test func `a loop whose last timer was cancelled still wakes for other threads (S317)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        for _ in 0..<100 {
            let sleeper = loop.spawn { try await sleep(for: .milliseconds(1)) }
            sleeper.cancel()
            _ = await sleeper.result
            #expect(try await loop.run { 1 } == 1)
        }
        try await loop.shutdown()
    }

    @Test func `sleeps of a loop that stops fail as stopped, and may schedule more (S330)`()
        async throws
    {
        let ended = Recorder<String>()
        try await onFakeClock {
            for delay in [Duration.milliseconds(5), .hour] {
                startUnknownTask {
                    do { try await sleep(for: delay) } catch EventLoopError.stopped {
                        ended.append("stopped")
                        do { try await sleep(for: .hour) } catch { ended.append("\(error)") }
                        do { try await yield() } catch { ended.append("\(error)") }
                        await spawn { ended.append("spawned") }.value
                    }
                }
            }
            spawn { do { try await sleep(for: .hour) } catch { ended.append("cancelled") } }
            try await settle()
        }
        let again = "\(EventLoopError.stopped)"
        #expect(ended.elements.first == "cancelled")
        #expect(
            ended.elements.sorted()
                == (["cancelled", again, again, again, again, "spawned", "spawned"]
                + ["stopped", "stopped"]).sorted())
    }
}
