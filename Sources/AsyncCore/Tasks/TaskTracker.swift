// Counting work that goes on, to wait for the last of it.

/// Waits until nothing that it counts goes on: what a graceful shutdown waits for.
///
/// Unlike a ``TaskScope`` it owns nothing: it cancels nothing, and no error passes through it. What
/// it counts may be started anywhere, by any number of tasks and loops. ``wait()`` ends when the
/// tracker is closed and empty; closing says that what is there is all, though more may still be
/// added.
///
/// ## Isolation
/// *Any task*, any thread.
public final class TaskTracker: Sendable {
    private struct State: Sendable {
        var count = 0
        var isClosed = false
        var tracked: UInt64 = 0
        let waiting = WaiterQueue<Void, Void>()

        var isOver: Bool { isClosed && count == 0 }

        /// Ends the waits, if the moment has come: later it may have passed again.
        mutating func settle(_ wakeups: inout Wakeups) {
            if isOver { waiting.grantAll((), &wakeups) }
        }
    }

    private let monitor = Monitor(State())

    /// A tracker that is open, and empty.
    public init() {}

    /// Starts a task on the loop that runs the caller, and counts it until it has ended.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the task does.
    /// - Returns: A handle to await, or to cancel, the task.
    /// - Precondition: The caller runs on an event loop.
    @discardableResult
    public func spawn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error> {
        let core = currentCore("TaskTracker.spawn")
        begin()
        return core.spawn(name: name) {
            defer { self.end() }
            return try await operation()
        }
    }

    /// Counts `body` while it runs.
    ///
    /// - Parameter body: What to do; runs in the calling task.
    /// - Returns: The body's value.
    /// - Throws: The body's error.
    public nonisolated(nonsending) func track<R, E: Error>(
        _ body: nonisolated(nonsending) () async throws(E) -> R
    ) async throws(E) -> R {
        begin()
        defer { end() }
        return try await body()
    }

    private func begin() {
        monitor.withLock { state in
            state.count += 1
            state.tracked += 1
        }
    }

    private func end() {
        monitor.withLock { state, wakeups in
            state.count -= 1
            state.settle(&wakeups)
        }
    }

    /// Closes the tracker: from now on, to be empty is the end.
    ///
    /// More may still be counted.
    ///
    /// - Returns: False if it was closed already.
    @discardableResult
    public func close() -> Bool {
        monitor.withLock { state, wakeups in
            let wasOpen = !state.isClosed
            state.isClosed = true
            state.settle(&wakeups)
            return wasOpen
        }
    }

    /// Opens the tracker again.
    ///
    /// - Returns: False if it was open.
    @discardableResult
    public func reopen() -> Bool {
        monitor.withLock { state in
            defer { state.isClosed = false }
            return state.isClosed
        }
    }

    /// Waits until the tracker is closed and empty.
    ///
    /// One moment of both is enough, even if it is open or has work again before the waiting task
    /// runs.
    ///
    /// ## Cancellation
    /// *No effect*: ends the wait with `CancellationError`.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func wait() async throws {
        try await monitor.wait("TaskTracker.wait", ()) { state, _, place in
            if state.isOver { return () }
            state.waiting.append(place)
            return nil
        }
    }

    /// How many are counted now.
    public var count: Int { monitor.withLock { $0.count } }

    /// Whether none are counted now.
    public var isEmpty: Bool { count == 0 }

    /// Whether the tracker is closed.
    public var isClosed: Bool { monitor.withLock { $0.isClosed } }

    /// How a tracker stands.
    public struct Statistics: Sendable, Equatable {
        /// Tasks and bodies that are counted now.
        public var count: Int
        /// Those that were ever counted.
        public var tracked: UInt64
        /// Tasks that wait for the end.
        public var waiting: Int
    }

    /// How the tracker stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(count: state.count, tracked: state.tracked, waiting: state.waiting.count)
        }
    }
}
