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

    @Test func `a task scope in an actor of the loop runs on the loop, nested or not`() async throws
    {
        let loop = try EventLoop.start(name: "actor", configuration: .quiet)
        let counter = Counter(loop: loop)
        try await Task.detached { try await counter.countInScope() }.value
        #expect(await counter.count == 1)
        try await loop.shutdown()
    }
}

/// An actor whose methods do nothing before they call the library.
///
/// Optimised code once left out the hop to the actor then: what follows the call ran elsewhere.
private actor Desk {
    nonisolated let loop: EventLoop
    nonisolated let lock = AsyncLock()
    nonisolated let mutex = AsyncMutex(1)
    nonisolated let shared = AsyncRWLock(1)
    nonisolated let once = AsyncOnce<Int>()
    nonisolated let queue = AsyncQueue<Int>(capacity: 8)
    nonisolated let stream = MemoryStream.pair().0
    nonisolated let channel = Channel<Int>.make(capacity: 8)
    nonisolated let finished: TaskHandle<Int, any Error>
    nonisolated let semaphore: AsyncSemaphore
    private var calls = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.serialExecutor.asUnownedSerialExecutor()
    }

    init(loop: EventLoop) async throws {
        self.loop = loop
        semaphore = try AsyncSemaphore(8)
        finished = loop.spawn { 1 }
        _ = try await finished.value
    }

    private func isHere() -> Bool {
        calls += 1
        return loop.isCurrent
    }

    func permit() async throws -> Bool {
        try await semaphore.withPermit {}
        return isHere()
    }

    func locked() async throws -> Bool {
        try await lock.withLock {}
        return isHere()
    }

    func mutated() async throws -> Bool {
        try await mutex.withLock { $0 += 1 }
        return isHere()
    }

    func read() async throws -> Bool {
        _ = try await shared.withReadLock { $0 }
        return isHere()
    }

    func write() async throws -> Bool {
        try await shared.withWriteLock { $0 += 1 }
        return isHere()
    }

    func made() async throws -> Bool {
        _ = try await once.value { 1 }
        return isHere()
    }

    func put() async throws -> Bool {
        try await queue.put(1)
        return isHere()
    }

    func got() async throws -> Bool {
        _ = try await queue.get()
        return isHere()
    }

    func sent() async throws -> Bool {
        try await channel.sender.send(1)
        return isHere()
    }

    func received() async throws -> Bool {
        _ = try await channel.receiver.receive()
        return isHere()
    }

    func scoped() async throws -> Bool {
        _ = try await withCancelScope { _ in 1 }
        return isHere()
    }

    func shielded() async throws -> Bool {
        await withShield {}
        return isHere()
    }

    func timed() async throws -> Bool {
        try await withTimeout(.hour) {}
        return isHere()
    }

    func watched() async throws -> Bool {
        try await stream.withIdleTimeout(.hour) { _ in }
        return isHere()
    }

    func gathered() async throws -> Bool {
        _ = try await gather(finished, finished)
        return isHere()
    }

    func gatheredList() async throws -> Bool {
        _ = try await gather([finished])
        return isHere()
    }

    func waited() async throws -> Bool {
        _ = try await wait(for: [finished])
        return isHere()
    }
}

extension LoopActorTests {
    private typealias Call = @Sendable (Desk) async throws -> Bool

    @Test func `an actor's code is on the loop after its first call`() async throws {
        let loop = try EventLoop.start(name: "actor", configuration: .quiet)
        let desk = try await Desk(loop: loop)
        let calls: [(String, Call)] = [
            ("withPermit", { try await $0.permit() }), ("withLock", { try await $0.locked() }),
            ("mutex", { try await $0.mutated() }), ("read", { try await $0.read() }),
            ("write", { try await $0.write() }), ("once", { try await $0.made() }),
            ("put", { try await $0.put() }), ("get", { try await $0.got() }),
            ("send", { try await $0.sent() }), ("receive", { try await $0.received() }),
            ("withCancelScope", { try await $0.scoped() }),
            ("withShield", { try await $0.shielded() }),
            ("withTimeout", { try await $0.timed() }),
            ("withIdleTimeout", { try await $0.watched() }),
            ("gather", { try await $0.gathered() }),
            ("gather of a list", { try await $0.gatheredList() }),
            ("wait", { try await $0.waited() }),
        ]
        for (name, call) in calls {
            #expect(try await Task.detached { try await call(desk) }.value, "\(name)")
        }
        try await loop.shutdown()
    }
}
