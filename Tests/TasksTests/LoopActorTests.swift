import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// An actor of the loop, called from a task that does not prefer the loop.
private actor Counter {
    let loop: EventLoop
    private(set) var count = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.serialExecutor.asUnownedSerialExecutor()
    }

    init(loop: EventLoop) { self.loop = loop }

    func countInScope() async throws {
        let loop = loop
        try await withTaskScope { scope in
            #expect(loop.isCurrent)
            scope.spawn { #expect(loop.isCurrent) }
            try await withTaskScope { inner in inner.spawn { try await sleep(for: .zero) } }
        }
        #expect(loop.isCurrent)
        count += 1
    }

    func count(within limit: Duration) async throws -> Int {
        let step = try await withTimeout(limit) {
            #expect(EventLoop.current != nil, "the body runs on the loop")
            try await sleep(for: .milliseconds(1))
            return 1
        }
        #expect(loop.isCurrent)
        count += step
        return count
    }
}

@Suite(.watched)
struct LoopActorTests {
    @Test func `a timeout in an actor of the loop runs its body on the loop`() async throws {
        let loop = try EventLoop.start(name: "actor", configuration: .quiet)
        let counter = Counter(loop: loop)
        // `Task.detached` has no executor preference: only the actor brings it to the loop.
        let value = try await Task.detached { try await counter.count(within: .seconds(30)) }.value
        #expect(value == 1)
        await #expect(throws: TimeoutError.self) {
            try await Task.detached { try await counter.count(within: .zero) }.value
        }
        try await loop.shutdown()
    }

    @Test func `a task scope in an actor of the loop runs on the loop, nested or not`() async throws {
        let loop = try EventLoop.start(name: "actor", configuration: .quiet)
        let counter = Counter(loop: loop)
        try await Task.detached { try await counter.countInScope() }.value
        #expect(await counter.count == 1)
        try await loop.shutdown()
    }
}
