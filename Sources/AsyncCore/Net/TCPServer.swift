// A listener with a task for each of its connections.

/// Serves the connections of a listener: a task for each, limits, and an end in three phases.
///
/// ```swift
/// let server = TCPServer(try TCPListener.bind(to: address))
/// spawn {
///     try await sleep(for: .seconds(3600))
///     try await server.shutdown(grace: .seconds(10))
/// }
/// try await server.serve { stream in
///     while let bytes = try await stream.read(upTo: 65_536) { try await stream.write(bytes) }
/// }
/// ```
///
/// An error of a handler ends its connection alone, and is reported. ``withServer(_:configuration:grace:_:_:)``
/// is the form whose end the compiler sees to.
///
/// ## Isolation
/// *Any task*; the handlers run on the loop that runs ``serve(_:)``.
public final class TCPServer: Sendable {
    /// What a server does with more connections than it wants.
    public enum Overload: Sendable {
        /// Accepts no more until one has ended: the others wait in the kernel's backlog.
        case wait
        /// Accepts and closes them at once.
        case refuse
    }

    /// How a server behaves.
    public struct Configuration: Sendable {
        /// How many connections there are at the same time at most.
        public var maximumConnections = 10_000

        /// How many of them may come from one address; nil for any number.
        ///
        /// More are closed at once.
        public var maximumConnectionsPerPeer: Int?

        /// How long a connection may be idle: no byte in or out; nil for as long as it likes.
        ///
        /// Its handler is cancelled then, and ends in an ``IdleTimeoutError``: see
        /// ``ByteStream/withIdleTimeout(_:_:)``. It does not end a peer that sends a byte now and then;
        /// bound the time of a request with `withTimeout`.
        public var idleTimeout: Duration?

        /// What happens to connections beyond ``maximumConnections``.
        public var overload = Overload.wait

        /// Is told of the error that ended a handler.
        ///
        /// Not of cancellations. Called on the loop; must not block. By default writes to standard
        /// error, but for connections that were idle, or that the peer or the network ended, which is
        /// daily business.
        public var onError: @Sendable (_ error: any Error, _ peer: SocketAddress) -> Void = {
            error, peer in
            if error is IdleTimeoutError { return }
            let code = (error as? IOError)?.code
            if code == .connectionReset || code == .brokenPipe || code == .timedOut { return }
            writeLineToStandardError("AsyncCore: the connection from \(peer) failed: \(error)")
        }

        /// The usual: 10,000 connections, whose peers may be the same.
        public init() {}
    }

    /// Where the connections come from.
    public let listener: TCPListener

    private let configuration: Configuration
    private let permits: AsyncSemaphore
    private let monitor = Monitor(ServerState())

    /// A server that does not serve yet.
    ///
    /// - Parameters:
    ///   - listener: Where the connections come from. The server closes it at its end.
    ///   - configuration: How it behaves.
    /// - Precondition: The limits are at least 1, and the idle timeout more than zero.
    public init(_ listener: TCPListener, configuration: Configuration = .init()) {
        let limit = configuration.maximumConnections
        precondition(limit >= 1, "a server of \(limit) connections")
        precondition(
            configuration.maximumConnectionsPerPeer ?? 1 >= 1, "a server of no connection a peer")
        precondition(
            configuration.idleTimeout ?? .seconds(1) > .zero, "a server of no idle time")
        self.listener = listener
        self.configuration = configuration
        guard let permits = try? AsyncSemaphore(limit) else {
            preconditionFailure("a semaphore refuses \(limit) permits")
        }
        self.permits = permits
    }

    // MARK: - Serving

    /// Accepts connections, and runs `handler` for each, until the listener is closed; then until
    /// the last handler has ended.
    ///
    /// A connection is closed when its handler ends. Connections that come while there are enough of
    /// them wait, or are refused: see ``Configuration``.
    ///
    /// ## Cancellation
    /// Ends the server: no more is accepted, the handlers are cancelled and awaited, and the listener
    /// is closed. For a gentler end use ``shutdown(grace:)``.
    ///
    /// - Parameter handler: Talks to a peer.
    /// - Throws: `CancellationError`; ``IOError`` if accepting fails for good, `.closed` if the server
    ///   has served before; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public nonisolated(nonsending) func serve(
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        guard monitor.withLock({ state in state.begin() }) else {
            throw IOError(
                .closed, operation: "serve on \(listener.localAddress)",
                detail: "a server serves once")
        }
        let result: Result<Void, any Error>
        do {
            try await withTaskScope { scope in
                try await self.acceptAll(scope, handler)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await listener.close()
        monitor.withLock { state, wakeups in state.end(&wakeups) }
        try result.get()
    }

    private nonisolated(nonsending) func acceptAll(
        _ scope: TaskScope, _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        while true {
            if configuration.overload == .wait { try await permits.acquire() }
            let stream: TCPStream
            do { stream = try await listener.accept() } catch {
                if configuration.overload == .wait { permits.giveBack() }
                if (error as? IOError)?.code == .closed { return }
                throw error
            }
            let hasPermit = configuration.overload == .wait || permits.tryAcquire()
            let key = monitor.withLock { state in
                hasPermit
                    ? state.add(stream, maximumPerPeer: configuration.maximumConnectionsPerPeer)
                    : state.refuse()
            }
            guard let key else {
                if hasPermit { permits.giveBack() }
                await stream.close()
                continue
            }
            let task = scope.spawn(name: "connection") {
                await self.handle(stream, key, handler)
            }
            if monitor.withLock({ state in state.attach(task, to: key) }) { task.cancel() }
        }
    }

    private nonisolated(nonsending) func handle(
        _ stream: TCPStream, _ key: ServerState.Key,
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async {
        var failure: (any Error)?
        do {
            if let idleTimeout = configuration.idleTimeout {
                try await stream.withIdleTimeout(idleTimeout) { stream in
                    try await stream.withConnection(handler)
                }
            } else {
                try await stream.withConnection(handler)
            }
        } catch {
            failure = error
            // A loop that stops does not let the scope begin.
            await stream.close()
        }
        let wasAborted = monitor.withLock { state in state.remove(key, failed: failure != nil) }
        permits.giveBack()
        guard let failure, !wasAborted, !(failure is CancellationError),
            failure as? EventLoopError != .stopped
        else { return }
        configuration.onError(failure, stream.peerAddress)
    }

    // MARK: - The end

    /// How the end of a server went.
    public struct Drained: Sendable, Equatable {
        /// Connections that ended by themselves, within the grace.
        public var finished: Int
        /// Connections that were cancelled and closed.
        public var aborted: Int
    }

    /// Ends the server in three phases: it accepts no more; gives the handlers time; then cancels
    /// those that are left, and closes their connections.
    ///
    /// When it returns, all handlers have ended, and so will ``serve(_:)``.
    ///
    /// ## Cancellation
    /// Ends the grace at once, and waits for the handlers all the same.
    ///
    /// - Parameter grace: How long the handlers may go on; zero or less gives them none.
    /// - Returns: How many ended by themselves, and how many did not.
    /// - Throws: `CancellationError`, after the end; ``EventLoopError/stopped``.
    @discardableResult
    public nonisolated(nonsending) func shutdown(grace: Duration = .seconds(30)) async throws
        -> Drained
    {
        await stopAccepting()
        let before = monitor.withLock { state in
            state.takeNoMore()
            return state.connections.count
        }
        do {
            if grace <= .zero { throw TimeoutError() }
            try await withTimeout(grace) { try await self.waitUntilEnded() }
            return Drained(finished: before, aborted: 0)
        } catch {
            let aborted = await abort()
            await waitUntilEndedUninterrupted()
            guard error is TimeoutError else { throw error }
            return Drained(finished: before - aborted, aborted: aborted)
        }
    }

    /// Closes the listener: no more is accepted, and connections go on.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    public nonisolated(nonsending) func stopAccepting() async { await listener.close() }

    /// Cancels all handlers, and closes their connections.
    ///
    /// The server goes on accepting unless ``stopAccepting()`` was called.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Returns: How many connections there were.
    @discardableResult
    public nonisolated(nonsending) func abort() async -> Int {
        let (streams, handlers) = monitor.withLock { state in state.abort() }
        for handler in handlers { handler.cancel() }
        // A handler that waits sees its connection closed, whatever it does with cancellations.
        for stream in streams { await stream.close() }
        return streams.count
    }

    /// Waits until the server has ended: the listener is closed, and the last handler has ended.
    ///
    /// Waits also for a server that has not begun yet.
    ///
    /// ## Cancellation
    /// *Loses its place*.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func waitUntilEnded() async throws {
        try await monitor.wait("TCPServer.waitUntilEnded", ()) { state, _, place in
            state.waitForEnd(place)
        }
    }

    private nonisolated(nonsending) func waitUntilEndedUninterrupted() async {
        // Nothing that is thrown: the wait cannot fail.
        try? await monitor.waitUninterrupted("TCPServer.shutdown", ()) { state, _, place in
            state.waitForEnd(place)
        }
    }

    /// How a server stands.
    public struct Statistics: Sendable, Equatable {
        /// Connections that are being served.
        public var active: Int
        /// Connections that were ever served.
        public var accepted: UInt64
        /// Connections that were closed at once, because of a limit.
        public var refused: UInt64
        /// Connections whose handler ended in an error, cancellations included.
        public var failed: UInt64
    }

    /// How the server stands now.
    public var statistics: Statistics { monitor.withLock { state in state.statistics } }
}

/// Serves the connections of a listener while `body` runs, and ends the server at its end.
///
/// ## Cancellation
/// The body sees it. The end of the server then gives no grace.
///
/// - Parameters:
///   - listener: Where the connections come from; it is closed at the end.
///   - configuration: How the server behaves.
///   - grace: How long handlers may go on after the body.
///   - handler: Talks to a peer.
///   - body: What to do meanwhile; it gets the server.
/// - Returns: The body's value.
/// - Throws: The body's error; what ``TCPServer/serve(_:)`` throws, if that ends first by an error.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func withServer<R: Sendable>(
    _ listener: TCPListener, configuration: TCPServer.Configuration = .init(),
    grace: Duration = .seconds(30),
    _ handler: @escaping @Sendable (TCPStream) async throws -> Void,
    _ body: sending @escaping (TCPServer) async throws -> R
) async throws -> R {
    let server = TCPServer(listener, configuration: configuration)
    return try await withTaskScope { scope in
        scope.spawn(name: "server") { try await server.serve(handler) }
        let result: Result<R, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        try await server.shutdown(grace: Task.isCancelled ? .zero : grace)
        return try result.get()
    }
}

extension AsyncSemaphore {
    /// Gives a permit back that was taken: cannot fail.
    fileprivate func giveBack() {
        do { try release() } catch { preconditionFailure("a permit too many: \(error)") }
    }
}
