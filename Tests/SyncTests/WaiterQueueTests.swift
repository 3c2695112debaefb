import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Permits, handed out in order: the least that shows what the queue does.
private struct Permits: Sendable {
    var available = 0
    let queue = WaiterQueue<Int, Int>()

    mutating func serve(_ wakeups: inout Wakeups) {
        while let first = queue.first, first.request <= available {
            queue.remove(first)
            if wakeups.grant(first, first.request) { available -= first.request }
        }
    }
}

@Suite(.watched)
struct WaiterQueueTests {
    private typealias Place = WaiterQueue<Int, Int>.Place

    /// A place whose task has announced its wait, and not suspended.
    private func place(_ request: Int = 1) -> (place: Place, waiter: Waiter) {
        let waiter = Waiter()
        _ = waiter.begin("test")
        return (Place(request, waiter), waiter)
    }

    @Test func `places leave in the order in which they came`() {
        let queue = WaiterQueue<Int, Int>()
        let places = (0..<3).map { place($0).place }
        for place in places { queue.append(place) }
        #expect(queue.count == 3)
        #expect(queue.first === places[0])
        #expect(queue.remove(places[1]))
        #expect(!queue.remove(places[1]))
        #expect(queue.popFirst() === places[0])
        #expect(queue.popFirst() === places[2])
        #expect(queue.popFirst() == nil)
        #expect(queue.isEmpty)
        queue.append(nil)
        #expect(queue.isEmpty)
    }

    @Test func `grants go out in order, as far as the permits suffice`() async throws {
        let monitor = Monitor(Permits())
        let entries = [1, 3, 1].map { place($0) }
        monitor.withLock { state in for entry in entries { state.queue.append(entry.place) } }
        monitor.withLock { state, wakeups in
            state.available = 3
            state.serve(&wakeups)
            // One that could be served stays behind one that cannot.
            #expect(state.available == 2)
            #expect(state.queue.count == 2)
        }
        #expect(await entries[0].waiter.wait() == .completed)
        #expect(try entries[0].place.take() == 1)
        monitor.withLock { state, wakeups in
            state.available += 2
            state.serve(&wakeups)
            #expect(state.available == 0)
            #expect(state.queue.isEmpty)
        }
        #expect(await entries[1].waiter.wait() == .completed)
        #expect(await entries[2].waiter.wait() == .completed)
    }

    @Test func `a task that is cancelled but still queued refuses the grant (S42, L1)`()
        async throws
    {
        let monitor = Monitor(Permits())
        let first = place()
        let second = place()
        monitor.withLock { state in
            state.queue.append(first.place)
            state.queue.append(second.place)
        }
        first.waiter.resolve(.cancelled)
        monitor.withLock { state, wakeups in
            #expect(state.queue.grantFirst(7, &wakeups))
            #expect(state.queue.isEmpty)
            #expect(!state.queue.grantFirst(8, &wakeups))
        }
        #expect(await first.waiter.wait() == .cancelled)
        #expect(await second.waiter.wait() == .completed)
        #expect(try second.place.take() == 7)
    }

    @Test func `the end of all waits does not touch those that ended before`() async {
        let monitor = Monitor(Permits())
        let entries = (0..<3).map { _ in place() }
        monitor.withLock { state in for entry in entries { state.queue.append(entry.place) } }
        monitor.withLock { state, wakeups in _ = state.queue.grantFirst(1, &wakeups) }
        entries[1].waiter.resolve(.cancelled)
        monitor.withLock { state, wakeups in
            state.queue.failAll(SemaphoreError.closed, &wakeups)
            #expect(state.queue.isEmpty)
        }
        for entry in entries { _ = await entry.waiter.wait() }
        #expect(throws: Never.self) { try entries[0].place.take() }
        #expect(throws: SemaphoreError.closed) { try entries[2].place.take() }
    }

    @Test func `those of one kind can be ended, and the others stay in their order`() async {
        let monitor = Monitor(Permits())
        let entries = [1, 2, 1, 3, 1].map { place($0) }
        monitor.withLock { state, wakeups in
            for entry in entries { state.queue.append(entry.place) }
            state.queue.failAll(SemaphoreError.closed, &wakeups) { $0 == 1 }
            #expect(state.queue.count == 2)
            #expect(state.queue.popFirst() === entries[1].place)
            #expect(state.queue.popFirst() === entries[3].place)
        }
        for index in [0, 2, 4] {
            _ = await entries[index].waiter.wait()
            #expect(throws: SemaphoreError.closed) { try entries[index].place.take() }
        }
        for index in [1, 3] { entries[index].waiter.abandon() }
    }

    @Test func `those granted are made ready in order, after the lock (S53)`() async throws {
        try await onLoop {
            let monitor = Monitor(Permits())
            let order = Recorder<Int>()
            for index in 0..<5 {
                spawn {
                    let got = try await monitor.wait("test", index) { state, _, place in
                        state.queue.append(place)
                        return nil as Int?
                    }
                    order.append(got)
                }
            }
            try await settle()
            monitor.withLock { state, wakeups in
                while let first = state.queue.popFirst() { wakeups.grant(first, first.request) }
            }
            #expect(order.count == 0)
            try await settle()
            #expect(order.elements == [0, 1, 2, 3, 4])
        }
    }

    /// What the queue should do, without links and atomics.
    private struct Model {
        var entries: [(place: Place, waiter: Waiter)] = []
        var available = 0
        var cancelled: Set<ObjectIdentifier> = []
        /// Keeps all alive, as the identifiers stand for them.
        var all: [Place] = []
        var granted: [Waiter] = []

        func isCancelled(_ place: Place) -> Bool { cancelled.contains(ObjectIdentifier(place)) }

        mutating func serve() {
            while let head = entries.first, head.place.request <= available {
                entries.removeFirst()
                if isCancelled(head.place) { continue }
                available -= head.place.request
                granted.append(head.waiter)
            }
        }
    }

    @Test(arguments: 0..<50) func `random steps end as in a naive model`(seed: Int) async {
        var random = SplitMix64(seed: seed)
        let monitor = Monitor(Permits())
        var model = Model()
        for _ in 0..<300 {
            switch random.below(5) {
            case 0, 1:
                let entry = place(1 + random.below(3))
                model.all.append(entry.place)
                monitor.withLock { state in state.queue.append(entry.place) }
                model.entries.append(entry)
            case 2:
                // Cancelled, and out of the queue some time later.
                guard !model.entries.isEmpty else { continue }
                let entry = model.entries[random.below(model.entries.count)]
                entry.waiter.resolve(.cancelled)
                model.cancelled.insert(ObjectIdentifier(entry.place))
            case 3:
                for entry in model.entries where model.isCancelled(entry.place) {
                    monitor.withLock { _ in entry.place.leave() }
                }
                model.entries.removeAll { [model] in model.isCancelled($0.place) }
            default:
                let released = 1 + random.below(4)
                monitor.withLock { state in state.available += released }
                model.available += released
            }
            monitor.withLock { state, wakeups in state.serve(&wakeups) }
            model.serve()
            monitor.withLock { state in
                #expect(state.available == model.available)
                #expect(state.queue.count == model.entries.count)
            }
        }
        for waiter in model.granted { #expect(await waiter.wait() == .completed) }
        for entry in model.entries {
            #expect(entry.waiter.resolve(.closed) != model.isCancelled(entry.place))
        }
    }
}
