import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct WaiterQueueTests {
    private func waiter() -> Waiter {
        let waiter = Waiter()
        _ = waiter.begin("test")
        return waiter
    }

    @Test func `grants go out in order, as far as the permits suffice`() async {
        let queue = WaiterQueue()
        let waiters = [1, 3, 1].map { permits in
            let waiter = waiter()
            queue.append(waiter, permits: permits)
            return waiter
        }
        var available = 3
        queue.grant(from: &available).resume()
        // One that could be served stays behind one that cannot.
        #expect(available == 2)
        #expect(queue.count == 2)
        #expect(await waiters[0].wait() == .completed)
        available += 2
        queue.grant(from: &available).resume()
        #expect(available == 0)
        #expect(queue.isEmpty)
        #expect(await waiters[1].wait() == .completed)
        #expect(await waiters[2].wait() == .completed)
    }

    @Test func `a waiter that is cancelled but still queued refuses the grant (S42, L1)`() async {
        let queue = WaiterQueue()
        let first = waiter()
        let second = waiter()
        queue.append(first, permits: 1)
        queue.append(second, permits: 1)
        first.resolve(.cancelled)
        var available = 1
        queue.grant(from: &available).resume()
        #expect(available == 0)
        #expect(queue.isEmpty)
        queue.remove(first)
        #expect(await first.wait() == .cancelled)
        #expect(await second.wait() == .completed)
    }

    @Test func `the end of all waits does not touch those that ended before`() async {
        let queue = WaiterQueue()
        let waiters = (0..<3).map { _ in waiter() }
        for waiter in waiters { queue.append(waiter, permits: 1) }
        var available = 1
        queue.grant(from: &available).resume()
        waiters[1].resolve(.cancelled)
        queue.endAll(.closed).resume()
        #expect(queue.isEmpty)
        #expect(await waiters[0].wait() == .completed)
        #expect(await waiters[1].wait() == .cancelled)
        #expect(await waiters[2].wait() == .closed)
    }

    @Test func `those granted are made ready in order, and only once the grant is over (S53)`()
        async throws
    {
        try await onLoop {
            let queue = Queue()
            let order = Recorder<Int>()
            for index in 0..<5 {
                spawn {
                    let waiter = Waiter()
                    _ = waiter.begin("test")
                    queue.value.append(waiter, permits: 1)
                    _ = await waiter.wait()
                    order.append(index)
                }
            }
            try await settle()
            var available = 5
            let granted = queue.value.grant(from: &available)
            try await settle()
            #expect(order.count == 0)
            granted.resume()
            try await settle()
            #expect(order.elements == [0, 1, 2, 3, 4])
        }
    }

    /// A queue of one loop's tasks.
    private final class Queue: @unchecked Sendable {
        // SAFETY: used by tasks of one loop only.
        let value = WaiterQueue()
    }

    /// What the queue should do, without links and atomics.
    private struct Model {
        var entries: [(waiter: Waiter, permits: Int)] = []
        var available = 0
        var cancelled: Set<ObjectIdentifier> = []
        /// Keeps all alive, as the identifiers stand for them.
        var all: [Waiter] = []
        var granted: [Waiter] = []

        mutating func grant() {
            while let head = entries.first, head.permits <= available {
                entries.removeFirst()
                if cancelled.contains(ObjectIdentifier(head.waiter)) { continue }
                available -= head.permits
                granted.append(head.waiter)
            }
        }
    }

    @Test(arguments: 0..<50) func `random steps end as in a naive model`(seed: Int) async {
        var random = SplitMix64(seed: seed)
        let queue = WaiterQueue()
        var model = Model()
        var available = 0
        for _ in 0..<300 {
            switch random.below(5) {
            case 0, 1:
                let waiter = waiter()
                model.all.append(waiter)
                let permits = 1 + random.below(3)
                queue.append(waiter, permits: permits)
                model.entries.append((waiter, permits))
            case 2:
                // Cancelled, and out of the queue some time later.
                guard !model.entries.isEmpty else { continue }
                let waiter = model.entries[random.below(model.entries.count)].waiter
                waiter.resolve(.cancelled)
                model.cancelled.insert(ObjectIdentifier(waiter))
            case 3:
                let gone = model.entries.filter {
                    model.cancelled.contains(ObjectIdentifier($0.waiter))
                }
                for entry in gone { queue.remove(entry.waiter) }
                model.entries.removeAll { model.cancelled.contains(ObjectIdentifier($0.waiter)) }
            default:
                let released = 1 + random.below(4)
                available += released
                model.available += released
            }
            queue.grant(from: &available).resume()
            model.grant()
            #expect(available == model.available)
            #expect(queue.count == model.entries.count)
        }
        for waiter in model.granted { #expect(await waiter.wait() == .completed) }
        for entry in model.entries { #expect(entry.waiter.resolve(.closed) != isCancelled(entry)) }

        func isCancelled(_ entry: (waiter: Waiter, permits: Int)) -> Bool {
            model.cancelled.contains(ObjectIdentifier(entry.waiter))
        }
    }
}
