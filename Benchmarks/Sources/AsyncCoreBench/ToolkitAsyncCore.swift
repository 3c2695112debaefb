import AsyncCore
import CEventLoop

/// The toolkit's operations with AsyncCore, on one loop.
enum ToolkitAsyncCore {
    static func batch(for benchmark: String) -> Batch? {
        switch benchmark {
        case "lock": Batch(BatchSize.permits, locks)
        case "event": Batch(BatchSize.permits, events)
        case "queue": Batch(BatchSize.items, items)
        case "timeout": Batch(BatchSize.timeouts, timeouts)
        case "timer": Batch(BatchSize.timers, timers)
        default: nil
        }
    }

    @Sendable private static func locks() async throws {
        let lock = AsyncLock()
        for _ in 0..<BatchSize.permits {
            try await lock.lock()
            try lock.unlock()
        }
    }

    @Sendable private static func events() async throws {
        let event = AsyncEvent(isSet: true)
        for _ in 0..<BatchSize.permits { try await event.wait() }
    }

    @Sendable private static func items() async throws {
        let queue = AsyncQueue<Int>(capacity: BatchSize.queueCapacity)
        let producer = spawn {
            for item in 0..<BatchSize.items { try await queue.put(item) }
        }
        var sum = 0
        for _ in 0..<BatchSize.items { sum &+= try await queue.get() }
        try await producer.value
        precondition(sum == BatchSize.items * (BatchSize.items - 1) / 2)
    }

    @Sendable private static func timeouts() async throws {
        for _ in 0..<BatchSize.timeouts { try await withTimeout(.seconds(60)) {} }
    }

    /// The loop's own timers, without tasks: a loop in C has a million of them at once, and none
    /// is left.
    @Sendable private static func timers() async throws {
        var loop: OpaquePointer?
        precondition(cel_loop_create(nil, &loop) == 0)
        guard let loop else { return }
        let start = cel_loop_now(loop) + 60_000_000_000
        var tokens = [cel_token](repeating: 0, count: BatchSize.timers)
        for index in tokens.indices {
            let deadline = start + UInt64(index * 7_919 % BatchSize.timers)
            precondition(cel_timer_add(loop, deadline, 0, &tokens[index]) == 0)
        }
        for token in tokens { precondition(cel_timer_remove(loop, token) == 0) }
        precondition(cel_timer_count(loop) == 0)
        precondition(cel_loop_destroy(loop) == 0)
    }
}
