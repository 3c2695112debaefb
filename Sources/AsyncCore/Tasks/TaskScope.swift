// Tasks that end where they began: trio's nursery, asyncio's TaskGroup.

/// The tasks of ``withTaskScope(limit:timeout:deadline:_:)``, and the means to start more.
///
/// Given to the body, and through it to whoever may start tasks: the children too, also while the
/// scope waits for its last children.
///
/// ## Isolation
/// *Any task*, any thread. The children run on the loop that the scope was opened on.
public final class TaskScope: Sendable {
    private let core: LoopCore
    private let permits: AsyncSemaphore?
    private let monitor = Monitor(TaskScopeState())

    /// What cancels the body and the children: has the scope's deadline, its shield and the reason
    /// why it was cancelled.
    public let cancelScope: CancelScope

    init(core: LoopCore, limit: Int?, cancelScope: CancelScope) throws {
        self.core = core
        permits = try limit.map { try AsyncSemaphore($0) }
        self.cancelScope = cancelScope
    }

    // MARK: - Children

    /// Starts a child.
    ///
    /// It begins in one of the next turns, or with a limit, when enough others have ended. If it
    /// fails, the scope is cancelled, and the error thrown where the scope ends, whether somebody
    /// awaits the child or not. In a scope that is cancelled it starts cancelled.
    ///
    /// With a limit, children that wait for their turn have begun to exist; to produce them no
    /// faster than they are done with, use ``spawnInTurn(name:_:)``.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the child does.
    /// - Returns: A handle to await, or to cancel, the child. A child that is cancelled has not
    ///   failed.
    /// - Precondition: The scope is not over; where that can be, use ``trySpawn(name:_:)``.
    @discardableResult
    public func spawn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error> {
        guard let handle = trySpawn(name: name, operation) else { scopeIsOver("spawn") }
        return handle
    }

    /// Starts a child, unless the scope is over.
    ///
    /// Otherwise as ``spawn(name:_:)``.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the child does.
    /// - Returns: A handle to await, or to cancel, the child; nil if the scope is over: then
    ///   nothing was started.
    public func trySpawn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error>? {
        guard let key = addChild() else { return nil }
        let child = core.spawn(name: name, isScoped: true) {
            try await self.runChild(key) { try await self.withPermit(operation) }
        }
        return attach(key, child)
    }

    /// Waits until fewer children run than the limit allows, and starts one.
    ///
    /// Without a limit it does not wait. First come, first served, children that wait included.
    ///
    /// ## Cancellation
    /// *Loses its place*; nothing was started then.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the child does.
    /// - Returns: A handle to await, or to cancel, the child.
    /// - Throws: `CancellationError`.
    /// - Precondition: The scope is not over.
    @discardableResult
    public nonisolated(nonsending) func spawnInTurn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async throws -> Success
    ) async throws -> TaskHandle<Success, any Error> {
        try Task.checkCancellation()
        try await permits?.acquire()
        guard let key = addChild() else { scopeIsOver("spawnInTurn") }
        let child = core.spawn(name: name, isScoped: true) {
            defer { try? self.permits?.release(1) }
            return try await self.runChild(key, operation)
        }
        return attach(key, child)
    }

    /// Starts a child, and waits until it says that it is ready: trio's `start`.
    ///
    /// ```swift
    /// let port = try await scope.start { ready in
    ///     let listener = try TCPListener.bind(to: .loopback(port: 0))
    ///     ready(listener.localAddress.port)
    ///     for try await stream in listener { … }
    /// }
    /// ```
    ///
    /// Until then the child is in the hands of the caller: its error is thrown here, and not by the
    /// scope, and a cancellation of the caller cancels it. A cancellation of the scope does so at
    /// any time, and the scope does not end meanwhile.
    ///
    /// ## Cancellation
    /// Cancels a child that is not ready yet, and waits until it has ended.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the child does; it calls what it is given when it is ready.
    /// - Returns: What the child handed over.
    /// - Throws: The error of a child that was not ready yet; ``TaskStartError``;
    ///   `CancellationError`; ``ScopeCancelledError`` if the scope was cancelled, and the caller is
    ///   not.
    /// - Precondition: The scope is not over.
    public nonisolated(nonsending) func start<Value: Sendable>(
        name: String? = nil, _ operation: sending @escaping (TaskReady<Value>) async throws -> Void
    ) async throws -> Value {
        try Task.checkCancellation()
        let ready = TaskReady<Value>()
        guard let key = addChild() else { scopeIsOver("start") }
        let child = core.spawn(name: name, isScoped: true) {
            try await self.runChild(key, startedBy: ready.end) {
                try await self.withPermit { try await operation(ready) }
            }
        }
        attach(key, child)
        do {
            return try await withTaskCancellationHandler {
                try await ready.wait()
            } onCancel: {
                if !ready.isReady { child.cancel() }
            }
        } catch let error as CancellationError {
            if !TaskIdentity.isCurrentCancelled, let reason = cancelScope.reason {
                throw ScopeCancelledError(reason)
            }
            throw error
        }
    }

    private func scopeIsOver(_ function: StaticString) -> Never {
        preconditionFailure(
            "TaskScope.\(function) was called after the scope's end; children cannot outlive it")
    }

    /// Keeps the scope open for a child that is about to be spawned; nil if it is over.
    private func addChild() -> TaskScopeState.Key? { monitor.withLock { $0.add() } }

    /// The child has been spawned.
    @discardableResult
    private func attach<Success: Sendable>(
        _ key: TaskScopeState.Key, _ child: TaskHandle<Success, any Error>
    ) -> TaskHandle<Success, any Error> {
        // The scope reports its error.
        child.record.markObserved()
        if monitor.withLock({ $0.attach(key, child.record) }) { child.cancel() }
        return child
    }

    /// Runs a child, in its task.
    ///
    /// `startedBy` takes the child's end, and says true, if it is somebody else's than the scope's.
    private nonisolated(nonsending) func runChild<R>(
        _ key: TaskScopeState.Key,
        startedBy: (((any Error)?) -> Bool)? = nil,
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        do {
            // A child may be started from inside another scope than this one.
            let value = try await ScopeContext.innermost.withValue(
                cancelScope, operation: operation)
            _ = startedBy?(nil)
            childEnded(key)
            return value
        } catch {
            if startedBy?(error) != true { childFailed(error) }
            childEnded(key)
            throw error
        }
    }

    private nonisolated(nonsending) func withPermit<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        guard let permits else { return try await operation() }
        return try await permits.withPermit(operation)
    }

    private func childFailed(_ error: any Error) {
        if error is CancellationError {
            // By whom, is seen at the end; a child that was cancelled alone has not failed.
            monitor.withLock { if $0.isCancelled { $0.noteInterruption() } }
        } else {
            fail(error)
        }
    }

    private func fail(_ error: any Error) {
        monitor.withLock { $0.add(error) }
        cancelScope.cancel(.init(.failure, message: "\(error)"))
    }

    private func childEnded(_ key: TaskScopeState.Key) {
        monitor.withLockReleasing { $0.remove(key, &$1) }
    }

    private func cancelChildren() {
        for child in monitor.withLock({ $0.cancel() }) { child.cancel() }
    }

    // MARK: - The body

    /// Runs the body, and waits for the children.
    nonisolated(nonsending) func run<R: Sendable>(
        _ body: sending @escaping (TaskScope) async throws -> R
    ) async throws -> R {
        // The body's task is cancelled for all reasons that there are, and passes it on.
        let result = try await cancelScope.perform {
            await withTaskCancellationHandler {
                await self.runToEnd(body)
            } onCancel: {
                self.cancelChildren()
            }
        }
        return try conclude(result)
    }

    private nonisolated(nonsending) func runToEnd<R>(
        _ body: nonisolated(nonsending) (TaskScope) async throws -> R
    ) async -> Result<R, any Error> {
        let result: Result<R, any Error>
        do {
            result = .success(try await body(self))
        } catch {
            bodyFailed(error)
            result = .failure(error)
        }
        // Nothing that is thrown: the wait cannot fail.
        try? await monitor.waitUninterrupted("the tasks of a scope", ()) { state, _, place in
            state.close(place) ? () : nil
        }
        return result
    }

    private func bodyFailed(_ error: any Error) {
        if !(error is CancellationError) { return fail(error) }
        if TaskIdentity.isCurrentCancelled {
            monitor.withLock { $0.noteInterruption() }
        } else {
            cancelScope.cancel(.init(.failure, message: "\(error)"))
        }
    }

    /// The value or the error of the whole scope.
    private func conclude<R>(_ result: Result<R, any Error>) throws -> R {
        let (errors, wasInterrupted) = monitor.withLock { ($0.errors, $0.wasInterrupted) }
        if errors.count > 1 { throw TaskScopeError(errors) }
        if let error = errors.first { throw error }
        if !wasInterrupted { return try result.get() }
        switch cancelScope.ending {
        case .itself: return try result.get()
        case .outside: throw CancellationError()
        case .scope(let reason):
            switch reason.source {
            case .failure: return try result.get()
            case .deadline, .loopStopped: throw reason.error
            case .program, .token:
                if case .success(let value) = result { return value }
                // A body without a value has lost nothing.
                guard let nothing = () as? R else { throw reason.error }
                return nothing
            }
        }
    }

    // MARK: - Cancelling

    /// Cancels the body and all children, those to come included.
    ///
    /// That alone is no error: see ``withTaskScope(limit:timeout:deadline:_:)``.
    ///
    /// - Parameter reason: Why; the first reason stays.
    public func cancel(_ reason: CancellationReason = .init()) { cancelScope.cancel(reason) }

    /// Whether the scope itself has been cancelled: by hand, at its deadline, or by a failure.
    public var isCancelled: Bool { cancelScope.isCancelled }

    // MARK: - Statistics

    /// How a task scope stands.
    public struct Statistics: Sendable, Equatable {
        /// Children that have not ended, those that wait for their turn included.
        public var running: Int
        /// Those that wait for their turn, the callers of ``TaskScope/spawnInTurn(name:_:)``
        /// included.
        public var waiting: Int
        /// Children that were ever spawned.
        public var spawned: UInt64
        /// Errors so far, of children and the body.
        public var failed: Int
    }

    /// How the scope stands now.
    public var statistics: Statistics {
        let waiting = permits?.statistics.waiting ?? 0
        return monitor.withLock { state in
            Statistics(
                running: state.running, waiting: waiting, spawned: state.spawned,
                failed: state.errors.count)
        }
    }
}
