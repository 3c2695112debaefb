// How many futures of a promise there are.

/// Counts the reading ends of a ``Promise``, and tells when the last one goes.
final class Readership: Sendable {
    private struct State: Sendable {
        var count = 0
        var hadReaders = false
        let queue = WaiterQueue<Void, Void>()

        var isAbandoned: Bool { hadReaders && count == 0 }
    }

    private let monitor = Monitor(State())

    var count: Int { monitor.withLock { state in state.count } }

    var isAbandoned: Bool { monitor.withLock { state in state.isAbandoned } }

    nonisolated(nonsending) func waitUntilAbandoned() async throws {
        try await monitor.wait("Promise.waitUntilAbandoned", ()) { state, _, place in
            if state.isAbandoned { return () }
            state.queue.append(place)
            return nil
        }
    }

    /// One reading end, for as long as it lives.
    final class Reader: Sendable {
        private let readers: Readership

        init(_ readers: Readership) {
            self.readers = readers
            readers.monitor.withLock { state in
                state.count += 1
                state.hadReaders = true
            }
        }

        deinit {
            readers.monitor.withLock { state, wakeups in
                state.count -= 1
                if state.count == 0 { state.queue.grantAll((), &wakeups) }
            }
        }
    }
}
