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
}
