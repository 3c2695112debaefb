// How a child says that it is ready, and the one who started it learns of it.

/// What a child of ``TaskScope/start(name:_:)`` says when it is ready: `ready(port)`.
///
/// ## Isolation
/// *Any task*, any thread.
public final class TaskReady<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var outcome: Result<Value, any Error>?
        var isReady = false
        let queue = WaiterQueue<Void, Value>()

        mutating func finish(_ outcome: Result<Value, any Error>, _ wakeups: inout Wakeups) {
            self.outcome = outcome
            switch outcome {
            case .success(let value): queue.grantAll(value, &wakeups)
            case .failure(let error): queue.failAll(error, &wakeups)
            }
        }
    }

    private let monitor = Monitor(State())

    init() {}

    /// Says that the task is ready, and hands `value` to the one who started it.
    ///
    /// From here on the task is a child of the scope like others.
    ///
    /// - Precondition: It has not been said before.
    public func callAsFunction(_ value: Value) {
        let isFirst = monitor.withLock { state, wakeups in
            if state.isReady { return false }
            state.isReady = true
            state.finish(.success(value), &wakeups)
            return true
        }
        precondition(isFirst, "a task says once only that it is ready")
    }

    /// Whether it has been said.
    var isReady: Bool { monitor.withLock { $0.isReady } }

    /// The task has ended; true if it had said nothing: then the end is the starter's to deal with.
    func end(_ error: (any Error)?) -> Bool {
        monitor.withLock { state, wakeups in
            if state.isReady { return false }
            state.finish(.failure(error ?? TaskStartError.endedBeforeReady), &wakeups)
            return true
        }
    }

    /// Waits until the task is ready, or has ended.
    nonisolated(nonsending) func wait() async throws -> Value {
        try await monitor.waitUninterrupted("TaskScope.start", ()) { state, _, place in
            if let outcome = state.outcome { return try outcome.get() }
            state.queue.append(place)
            return nil
        }
    }
}

extension TaskReady where Value == Void {
    /// Says that the task is ready.
    ///
    /// - Precondition: It has not been said before.
    public func callAsFunction() { callAsFunction(()) }
}
