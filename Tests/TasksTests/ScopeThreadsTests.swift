import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Scopes off any loop, and used by several threads at once.
@Suite(.watched)
struct ScopeThreadsTests {
    @Test func `off any loop a scope is cancelled by hand, by its deadline, and by its caller`()
        async throws
    {
        let value = try await withCancelScope(timeout: .hour) { scope in
            #expect(scope.deadline != nil)
            return 1
        }
        #expect(value == 1)
        let byHand: Void? = try await withCancelScope { scope in
            scope.cancel()
            try await sleep(for: .hour)
        }
        #expect(byHand == nil)
        let scope = CancelScope(timeout: .hour)
        let late: Void? = try await scope.run {
            #expect(CancelScope.effectiveDeadline != nil)
            scope.reschedule(after: .milliseconds(1))
            try await sleep(for: .hour)
        }
        #expect(late == nil)
        #expect(scope.reason?.source == .deadline)
        let moved = try await withCancelScope(timeout: .milliseconds(1)) { scope in
            scope.reschedule(after: nil)
            try await sleep(for: .milliseconds(3))
            return 2
        }
        #expect(moved == 2)
        let caller = Task { try await withCancelScope { _ in try await sleep(for: .hour) } }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
    }

    @Test func `off any loop a timeout can be moved from inside`() async throws {
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.hour) { scope in
                scope.reschedule(after: .zero)
                try await sleep(for: .hour)
            }
        }
        await #expect(throws: ScopeCancelledError("enough")) {
            try await withTimeout(.hour) { scope in
                scope.cancel("enough")
                try await sleep(for: .hour)
            }
        }
    }

    @Test func `threads cancel, move and shield a scope while it begins and ends: one outcome`()
        async throws
    {
        try await onLoop {
            for round in 0..<100 {
                let scope = CancelScope(timeout: .seconds(30))
                let caller = spawn {
                    try await scope.run {
                        try await settle(round % 7)
                        try await sleep(for: .hour)
                    }
                }
                let isOver = try AsyncSemaphore(0)
                for number in 0..<2 {
                    try CurrentThread.start(name: "test") {
                        for step in 0..<10 {
                            scope.reschedule(after: .seconds(step))
                            scope.isShielded = step % 2 == 0
                            _ = scope.deadline
                        }
                        if number == round % 2 { scope.cancel("thread") } else { caller.cancel() }
                        scope.isShielded = false
                        try? isOver.release()
                    }
                }
                try await isOver.acquire(2)
                let result = await caller.result
                switch result {
                case .success(let value): #expect(value == nil && scope.isCancelled)
                case .failure(let error): #expect(error is CancellationError)
                }
            }
        }
    }

    @Test func `children come from two threads while others end: all are awaited, each once`()
        async throws
    {
        try await onLoop {
            for _ in 0..<20 {
                let ended = Recorder<Int>()
                try await withTaskScope(limit: 3) { scope in
                    let isOver = try AsyncSemaphore(0)
                    for number in 0..<2 {
                        try CurrentThread.start(name: "test") {
                            for step in 0..<25 {
                                scope.spawn {
                                    try await settle(step % 3)
                                    ended.append(number)
                                }
                            }
                            try? isOver.release()
                        }
                    }
                    try await isOver.acquire(2)
                }
                #expect(ended.count == 50)
            }
        }
    }

    @Test func `on a loop that has stopped a scope fails at once; a shield runs its body`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let gate = try AsyncSemaphore(0)
        // The loop neither cancels nor awaits a task that only prefers it.
        let late = Task(executorPreference: loop.taskExecutor) {
            try await gate.acquire()
            await #expect(throws: EventLoopError.stopped) { try await withCancelScope { _ in } }
            await #expect(throws: EventLoopError.stopped) { try await withTaskScope { _ in } }
            return await withShield { 3 }
        }
        try await loop.run { try await settle() }
        try await loop.shutdown()
        try gate.release()
        #expect(try await late.value == 3)
    }

    @Test func `a loop that stops ends the scopes of tasks that only prefer it`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let entered = Recorder<Int>()
        let gate = try AsyncSemaphore(0)
        let task = Task(executorPreference: loop.taskExecutor) {
            try await withCancelScope(timeout: .hour) { _ in
                entered.append(1)
                try await gate.acquire()
            }
        }
        while entered.count == 0 { try await yield() }
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await task.value }
    }
}
