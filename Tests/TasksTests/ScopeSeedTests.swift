import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Scopes, tokens and trackers under 1,000 orders each: S229-S240, S250, S257-S259, S262-S272, L4,
/// L10.
@Suite(.watched)
struct ScopeSeedTests {
    @Test func `a cancel scope ends as those say who cancelled it, whatever the order`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let isShielded = random.below(3) == 0
            let timeout: Duration? = random.below(2) == 0 ? .seconds(random.below(4)) : nil
            let work = Duration.seconds(random.below(4))
            let scope = CancelScope(timeout: timeout, isShielded: isShielded)
            let caller = spawn(name: "caller") {
                try await scope.run {
                    try await sleep(for: work)
                    return 1
                }
            }
            let (byHand, outside) = (random.below(6), random.below(6))
            let cancels = [
                spawn(name: "by hand") {
                    try await sleep(for: .seconds(byHand))
                    if byHand < 4 { scope.cancel("by hand") }
                },
                spawn(name: "outside") {
                    try await sleep(for: .seconds(outside))
                    if outside < 4 { caller.cancel() }
                },
            ]
            switch await caller.result {
            case .success(1): break
            case .success: #expect(scope.isCancelled)
            case .failure(let error):
                #expect(error is CancellationError)
                #expect(caller.isCancelled)
                #expect(!isShielded)
            }
            if byHand > 3, timeout == nil, outside > 3 || isShielded {
                let value = try await caller.value
                #expect(value == 1)
            }
            _ = await gatherResults(cancels)
            #expect(armedTimers() == 0)
        }
    }

    @Test func `nested scopes with one deadline: the outermost catches, whatever the order (L10)`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let depth = 2 + random.below(3)
            let kinds = (0..<depth).map { _ in random.below(3) }
            let caught = Recorder<Int>()
            // The kinds: a cancel scope, a timeout, a task scope.
            @Sendable func descend(_ level: Int) async throws {
                if level == depth { return try await sleep(for: .hour) }
                let body: @Sendable () async throws -> Void = { try await descend(level + 1) }
                switch kinds[level] {
                case 0:
                    let value: Void? = try await withCancelScope(timeout: .seconds(1)) { _ in
                        try await body()
                    }
                    if value == nil { caught.append(level) }
                case 1:
                    do { try await withTimeout(.seconds(1), body) } catch is TimeoutError {
                        caught.append(level)
                    }
                default:
                    do {
                        try await withTaskScope(timeout: .seconds(1)) { scope in
                            scope.spawn { try await body() }
                        }
                    } catch is TimeoutError {
                        caught.append(level)
                    }
                }
            }
            try await descend(0)
            #expect(caught.elements == [0])
            #expect(VirtualTime.now == .seconds(1))
        }
    }

    /// What the tasks of one run did; they are all on one loop.
    private final class Ledger: @unchecked Sendable {
        // On one loop.
        var begun = 0
        var ended = 0
        var failures: [Int] = []
    }

    @Test func `a task scope awaits all, and reports what failed, whatever the order (S229-S231)`()
        async throws
    {
        try await withSeeds { seed in
            let ledger = Ledger()
            @Sendable func work(_ scope: TaskScope, _ number: Int, _ depth: Int) async throws {
                var random = SeededGenerator(seed: seed &* 31 &+ UInt64(number))
                ledger.begun += 1
                defer { ledger.ended += 1 }
                do {
                    try await sleep(for: .seconds(random.below(4)))
                    if depth > 0 {
                        for child in 1...2 {
                            scope.spawn { try await work(scope, number * 4 + child, depth - 1) }
                        }
                    }
                    try await sleep(for: .seconds(random.below(4)))
                } catch {
                    // Some turn their cancellation into an error of their own.
                    if random.below(4) > 0 { throw error }
                }
                if random.below(10) == 0 {
                    ledger.failures.append(number)
                    throw Failure(number: number)
                }
            }
            let isCancelled = seed % 5 == 0
            let caller = spawn(name: "caller") {
                try await withTaskScope(limit: seed % 3 == 0 ? 2 : nil) { scope in
                    scope.spawn { try await work(scope, 1, 2) }
                    scope.spawn { try await work(scope, 2, 2) }
                }
            }
            if isCancelled {
                try await sleep(for: .seconds(2))
                caller.cancel()
            }
            let result = await caller.result
            #expect(ledger.begun == ledger.ended)
            switch result {
            case .success: #expect(ledger.failures.isEmpty)
            case .failure(let error as TaskScopeError):
                let numbers = error.errors.map { ($0 as? Failure)?.number ?? -1 }
                #expect(numbers == ledger.failures)
            case .failure(let error as Failure): #expect([error.number] == ledger.failures)
            case .failure(let error):
                #expect(error is CancellationError)
                #expect(isCancelled && ledger.failures.isEmpty)
            }
            #expect(EventLoop.current?.statistics.liveTasks == 0)
        }
    }

    @Test func `a started child is ready or gone when start returns, whatever the order (S250)`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let (ready, byHand, starterGone) = (random.below(3), random.below(5), random.below(5))
            let ledger = Ledger()
            try await withTaskScope { scope in
                let starter = spawn(name: "starter") {
                    try await scope.start(name: "child") { said in
                        ledger.begun += 1
                        defer { ledger.ended += 1 }
                        try await sleep(for: .seconds(ready))
                        said(ready)
                        try await sleep(for: .hour)
                    }
                }
                _ = try await gather([
                    spawn(name: "by hand") {
                        try await sleep(for: .seconds(byHand))
                        scope.cancel()
                    },
                    spawn(name: "starter's end") {
                        try await sleep(for: .seconds(starterGone))
                        starter.cancel()
                    },
                    spawn(name: "watch") {
                        switch await starter.result {
                        case .success(let value): #expect(value == ready)
                        case .failure(let error as CancellationError):
                            _ = error
                            #expect(starter.isCancelled || scope.isCancelled)
                            // It began if it was spawned, and has ended.
                            #expect(ledger.begun == ledger.ended)
                        case .failure(let error): #expect(error is ScopeCancelledError)
                        }
                    },
                ])
            }
            #expect(ledger.begun == ledger.ended)
        }
    }

    @Test func `a token reaches all below it, and nobody else, whatever the order (S258, S259)`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            var tokens = [CancellationToken()]
            var parents = [-1]
            for _ in 0..<6 {
                let parent = random.below(tokens.count)
                tokens.append(tokens[parent].child())
                parents.append(parent)
            }
            let chosen = random.below(tokens.count)
            func isBelow(_ index: Int) -> Bool {
                index == chosen || (index >= 0 && parents[index] >= 0 && isBelow(parents[index]))
            }
            let ended = Recorder<Int>()
            let tasks = tokens.indices.map { index in
                let token = tokens[index]
                return spawn(name: "body \(index)") {
                    let value = try await token.run {
                        try await token.wait()
                        return index
                    }
                    // Who wins is open: the wait, or the cancellation of the body.
                    #expect(value == nil || value == index)
                    ended.append(index)
                }
            }
            let delay = random.below(2)
            try await sleep(for: .seconds(delay))
            tokens[chosen].cancel("chosen")
            try await waitUntilAllBlocked()
            #expect(ended.elements.sorted() == tokens.indices.filter(isBelow))
            #expect(tokens.allSatisfy { ($0.reason == "chosen") == $0.isCancelled })
            tokens[0].cancel("all")
            _ = try await gather(tasks)
            #expect(tokens.allSatisfy { $0.statistics.waiting + $0.statistics.running == 0 })
        }
    }

    @Test func `a tracker's wait ends once it was closed and empty, whatever the order (S257)`()
        async throws
    {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let tracker = TaskTracker()
            let ends = (0..<4).map { _ in random.below(4) }
            let closing = random.below(4)
            let tasks = ends.map { end in
                tracker.spawn(name: "tracked") { try await sleep(for: .seconds(end)) }
            }
            let waiting = spawn(name: "waiting") {
                try await tracker.wait()
                return VirtualTime.now
            }
            try await sleep(for: .seconds(closing))
            tracker.close()
            tracker.reopen()
            tracker.close()
            tasks[random.below(4)].cancel()
            _ = await gatherResults(tasks)
            let end = try await waiting.value
            #expect(.seconds(closing) <= end && end <= .seconds(max(closing, ends.max() ?? 0)))
            #expect(tracker.isEmpty)
        }
    }
}
