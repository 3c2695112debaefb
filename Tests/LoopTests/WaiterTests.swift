import AsyncCoreTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// The state machine of a wait: all orders of two parties, and a race of many.
@Suite(.watched)
struct WaiterTests {
    static let outcomes: [Waiter.Outcome] = [.completed, .cancelled, .closed, .stopped]
    static let pairs = outcomes.flatMap { first in outcomes.map { (first, $0) } }

    @Test(arguments: [false, true])
    func `nothing can be claimed outside of a wait (H1)`(standing: Bool) async throws {
        let waiter = Waiter(hasStandingHandler: standing)
        for outcome in Self.outcomes {
            #expect(waiter.claim(outcome) == .lost)
            #expect(!waiter.resolve(outcome))
        }
        #expect(waiter.begin("test"))
        waiter.abandon()
        for outcome in Self.outcomes { #expect(waiter.claim(outcome) == .lost) }
    }

    @Test(arguments: pairs, [false, true])
    func `of two claims before the suspension the first wins (H1 H4)`(
        pair: (Waiter.Outcome, Waiter.Outcome), standing: Bool
    ) async throws {
        try await onLoop {
            let waiter = Waiter(hasStandingHandler: standing)
            for _ in 0..<2 {  // A waiter can be used again.
                #expect(waiter.begin("test"))
                #expect(waiter.claim(pair.0) == .won)
                #expect(waiter.claim(pair.1) == .lost)
                #expect(!waiter.resolve(pair.1))
                #expect(await waiter.wait() == pair.0)
            }
        }
    }

    @Test(arguments: pairs, [false, true])
    func `of two claims during the suspension the first wins, and resumes once (H1 H4)`(
        pair: (Waiter.Outcome, Waiter.Outcome), standing: Bool
    ) async throws {
        try await onLoop {
            let waiter = Waiter(hasStandingHandler: standing)
            for _ in 0..<2 {
                let task = spawn {
                    #expect(waiter.begin("test"))
                    return await waiter.wait()
                }
                try await settle(2)
                #expect(waiter.claim(pair.0) == .wonSuspended)
                #expect(waiter.claim(pair.1) == .lost)
                try await settle(2)
                #expect(!task.isFinished)
                waiter.resume()
                #expect(!waiter.resolve(pair.1))
                #expect(await task.value == pair.0)
                #expect(waiter.claim(pair.1) == .lost)
            }
        }
    }

    enum Position: CaseIterable { case before, pending, suspended, afterClaim }

    @Test(arguments: Position.allCases, [false, true])
    func `a cancellation is seen wherever it comes, once (H4)`(position: Position, standing: Bool)
        async throws
    {
        try await onLoop {
            let waiter = Waiter(hasStandingHandler: standing)
            let arrived = Recorder<Bool>()
            let task = spawn { () -> Waiter.Outcome? in
                arrived.append(true)
                if standing, position == .before { waiter.requestCancellation() }
                guard waiter.begin("test") else { return nil }
                if standing, position == .pending { waiter.requestCancellation() }
                return await waiter.wait()
            }
            if !standing, position == .before || position == .pending { task.cancel() }
            try await settle(2)
            #expect(arrived.count == 1)
            switch position {
            case .before, .pending: break
            case .suspended:
                if standing { waiter.requestCancellation() } else { task.cancel() }
            case .afterClaim:
                #expect(waiter.claim(.completed) == .wonSuspended)
                if standing { waiter.requestCancellation() } else { task.cancel() }
                waiter.resume()
            }
            let outcome = await task.value
            switch position {
            case .before: #expect(outcome == (standing ? nil : .cancelled))
            case .pending, .suspended: #expect(outcome == .cancelled)
            case .afterClaim: #expect(outcome == .completed)
            }
            // A standing waiter's task stays cancelled; idempotent.
            waiter.requestCancellation()
            #expect(waiter.begin("test") == !standing)
            if !standing { waiter.abandon() }
        }
    }

    @Test func `a standing waiter keeps a cancellation that came between two waits (H4)`()
        async throws
    {
        try await onLoop {
            let waiter = Waiter(hasStandingHandler: true)
            #expect(waiter.begin("test"))
            waiter.resolve(.completed)
            waiter.requestCancellation()
            #expect(await waiter.wait() == .completed)
            #expect(!waiter.begin("test"))
            #expect(!waiter.begin("test"))
        }
    }

    @Test func `an uninterrupted wait is not ended by its task's cancellation`() async throws {
        try await onLoop {
            let waiter = Waiter()
            let task = spawn {
                _ = waiter.begin("test")
                return await waiter.waitUninterrupted()
            }
            task.cancel()
            try await settle(2)
            #expect(!task.isFinished)
            waiter.resolve(.closed)
            #expect(await task.value == .closed)
        }
    }

    @Test func `of many threads that end a wait exactly one wins, and nobody hangs (H1 H2 H3)`()
        async throws
    {
        let rounds = 2_000
        let waiters = (0..<rounds).map { _ in Waiter() }
        let wins = (0..<rounds).map { _ in Recorder<Waiter.Outcome>() }
        let turn = Turnstile()
        let loop = try EventLoop.start(configuration: .quiet)
        let waiting = loop.spawn {
            var seen: [Waiter.Outcome] = []
            for waiter in waiters {
                #expect(waiter.begin("test"))
                turn.open()  // From here on all of them race, with the suspension as well.
                seen.append(await waiter.wait())
            }
            return seen
        }
        try await onThread {
            try onThreads(4) { number in
                for round in 0..<rounds {
                    turn.wait(for: round)
                    if waiters[round].resolve(Self.outcomes[number]) {
                        wins[round].append(Self.outcomes[number])
                    }
                }
            }
        }
        let seen = await waiting.value
        #expect(wins.map(\.elements) == seen.map { [$0] })
        try await loop.shutdown()
    }

    /// On no loop tasks suspend by continuations, which the runtime may find resumed before the task has
    /// suspended. It then goes on at once, without telling ThreadSanitizer of whom it has heard.
    @Test func `a wait on no loop may end at the moment in which its task suspends (H1 H2)`()
        async throws
    {
        let rounds = 20_000
        let waiter = Waiter()
        let turn = Turnstile()
        let waiting = Task(executorPreference: FreshJobs()) {
            for round in 0..<rounds {
                #expect(waiter.begin("test"))
                turn.open()
                let outcome = await waiter.waitUnnoted()
                if outcome != .completed { Issue.record("round \(round): \(outcome)") }
            }
        }
        try await onThread {
            for round in 0..<rounds {
                for _ in 0..<1 + round % 200 { turn.wait(for: round) }
                #expect(waiter.resolve(.completed))
            }
        }
        await waiting.value
    }

    @Test func `completion and cancellation at once: no deadlock, one outcome (H3 H4)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        for _ in 0..<500 {
            let waiter = Waiter()
            let task = loop.spawn {
                _ = waiter.begin("test")
                return await waiter.wait()
            }
            let wins = Recorder<Int>()
            try await onThread {
                try onThreads(2) { number in
                    if number == 0 { task.cancel() }
                    if number == 1, waiter.resolve(.completed) { wins.append(1) }
                }
            }
            if wins.count == 1 {
                #expect(await task.value == .completed)
            } else {
                #expect(await task.value == .cancelled)
            }
        }
        try await loop.shutdown()
    }
}

/// Lets threads through, one round after the other. They spin: the point is to arrive together.
private final class Turnstile: Sendable {
    private let opened = Atomic<Int>(0)

    func open() { opened.add(1, ordering: .releasing) }

    func wait(for round: Int) { while opened.load(ordering: .acquiring) <= round { sched_yield() } }
}

/// Runs each job in a task of Swift's pool: with this the test finds what it looks for in every run, without it
/// in neither of two.
private final class FreshJobs: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        Task.detached { unsafe job.runSynchronously(on: executor) }
    }
}
