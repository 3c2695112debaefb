// Cancellation as a value that can be handed around, in trees.

/// Tells many that they should end: a token that is cancelled once.
///
/// ``child()`` makes a token that is cancelled with its parent, and can be cancelled alone: a
/// service has one, each of its connections a child of that. It knows no loop and no task: who
/// holds it asks ``isCancelled``, waits with ``wait()``, or runs code under it with ``run(_:)``.
///
/// A token's parent lives as long as the token does; the parent does not keep its children alive.
///
/// ## Isolation
/// *Any task*, any thread, also synchronous code.
public final class CancellationToken: Sendable {
    private typealias Key = UInt64

    private struct State: Sendable {
        var reason: CancellationReason?
        // By number, so that they are cancelled in the order in which they came.
        var children: [Key: Child] = [:]
        var scopes: [Key: CancelScope] = [:]
        var nextKey: Key = 0
        let waiting = WaiterQueue<Void, Void>()

        mutating func makeKey() -> Key {
            nextKey += 1
            return nextKey
        }
    }

    private struct Child: Sendable {
        weak let token: CancellationToken?
    }

    private let monitor = Monitor(State())
    private let parent: CancellationToken?
    /// Names the token in its parent.
    private let key: Key

    /// A token without a parent.
    public init() {
        parent = nil
        key = 0
    }

    private init(parent: CancellationToken) {
        self.parent = parent
        key = parent.monitor.withLock { $0.makeKey() }
    }

    deinit {
        parent?.monitor.withLock { _ = $0.children.removeValue(forKey: key) }
    }

    /// Makes a token that is cancelled with this one, and can be cancelled alone.
    ///
    /// - Returns: The child; cancelled already, if this token is.
    public func child() -> CancellationToken {
        let child = CancellationToken(parent: self)
        let reason = monitor.withLock { state in
            if state.reason == nil { state.children[child.key] = Child(token: child) }
            return state.reason
        }
        if let reason { child.cancel(reason) }
        return child
    }

    /// Cancels the token and all that descend from it.
    ///
    /// - Parameter reason: Why; the first reason stays, also for each of the descendants.
    /// - Returns: False if the token was cancelled already.
    @discardableResult
    public func cancel(_ reason: CancellationReason = .init()) -> Bool {
        guard cancelAlone(reason) else { return false }
        // Not by recursion: a long line of descendants must not need a deep stack.
        var generation = takeChildren()
        while !generation.isEmpty {
            for token in generation { _ = token.cancelAlone(reason) }
            generation = generation.flatMap { $0.takeChildren() }
        }
        return true
    }

    /// False if it was cancelled before.
    private func cancelAlone(_ reason: CancellationReason) -> Bool {
        let scopes = monitor.withLock { state, wakeups -> [CancelScope]? in
            if state.reason != nil { return nil }
            state.reason = reason
            state.waiting.grantAll((), &wakeups)
            return state.scopes.sorted { $0.key < $1.key }.map(\.value)
        }
        let inScope = CancellationReason(.token, message: reason.message)
        for scope in scopes ?? [] { scope.cancel(inScope) }
        return scopes != nil
    }

    /// The children of a token that is cancelled, which gets no more.
    private func takeChildren() -> [CancellationToken] {
        monitor.withLock { state in
            defer { state.children = [:] }
            return state.children.sorted { $0.key < $1.key }.compactMap(\.value.token)
        }
    }

    /// Whether the token is cancelled.
    public var isCancelled: Bool { reason != nil }

    /// Why the token was cancelled, if it was.
    public var reason: CancellationReason? { monitor.withLock { $0.reason } }

    /// Waits until the token is cancelled.
    ///
    /// ## Cancellation
    /// *No effect*: ends the wait with `CancellationError`.
    ///
    /// - Throws: `CancellationError` if the waiting task is cancelled.
    public nonisolated(nonsending) func wait() async throws {
        try await monitor.wait("CancellationToken.wait", ()) { state, _, place in
            if state.reason != nil { return () }
            state.waiting.append(place)
            return nil
        }
    }

    /// Runs `body`, and cancels it when the token is cancelled.
    ///
    /// A token that is cancelled already cancels the body at its first suspension.
    ///
    /// ## Cancellation
    /// Cancels the body, and waits for it.
    ///
    /// - Parameter body: What to do.
    /// - Returns: The body's value; nil if the token was cancelled and the body ended in that
    ///   cancellation.
    /// - Throws: The body's error; `CancellationError` if the caller is cancelled;
    ///   ``EventLoopError/stopped`` if the loop has stopped, or stops before the body ends.
    @discardableResult
    public nonisolated(nonsending) func run<R: Sendable>(
        _ body: sending @escaping () async throws -> R
    ) async throws -> R? {
        let scope = CancelScope()
        let (key, reason) = monitor.withLock { state in
            let key = state.makeKey()
            if state.reason == nil { state.scopes[key] = scope }
            return (key, state.reason)
        }
        if let reason { scope.cancel(.init(.token, message: reason.message)) }
        defer { forget(key) }
        return try await scope.run(body)
    }

    private func forget(_ key: Key) {
        monitor.withLockReleasing { state, _ in state.scopes.removeValue(forKey: key) }
    }

    /// How a token stands.
    public struct Statistics: Sendable, Equatable {
        /// Tasks that wait for the token.
        public var waiting: Int
        /// Bodies that run under the token.
        public var running: Int
        /// Children that are alive, if the token is not cancelled.
        public var children: Int
    }

    /// How the token stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                waiting: state.waiting.count, running: state.scopes.count,
                children: state.children.count)
        }
    }
}
