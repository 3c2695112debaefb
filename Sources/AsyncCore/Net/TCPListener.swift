// Accepting TCP connections.

/// A TCP socket that accepts connections; also the sequence of them.
///
/// ```swift
/// let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1", port: 8080))
/// for try await stream in listener {
///     spawn { try await stream.withConnection { stream in … } }
/// }
/// ```
/// The sequence ends when the listener is closed. When descriptors run out, accepting pauses for a
/// tenth of a second at a time, and recovers; the kernel keeps the connections' places. Connections
/// that fail before they are accepted are passed over.
///
/// ## Isolation
/// *One accepting task*: a second one meanwhile gets ``IOError`` with `.busy`.
public final class TCPListener: Sendable, AsyncSequence {
    /// An accepted connection.
    public typealias Element = TCPStream

    private let socket: SocketCore
    private let counters = ListenerCounters()

    /// The address that it listens on, with the port that the kernel chose if 0 was asked for.
    public let localAddress: SocketAddress

    private init(_ socket: SocketCore, local: SocketAddress) {
        self.socket = socket
        localAddress = local
    }

    /// Listens on an address.
    ///
    /// It belongs to the loop that runs the caller. A port that an earlier process has just left
    /// can be taken again at once.
    ///
    /// - Parameters:
    ///   - address: Where to listen; port 0 takes any free port.
    ///   - backlog: How many connections the kernel keeps until they are accepted (it caps the
    ///     number by net.core.somaxconn).
    /// - Returns: The listener.
    /// - Throws: ``IOError``: `.addressInUse`, `.permissionDenied`, `.addressNotAvailable`,
    ///   `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public static func bind(to address: SocketAddress, backlog: Int = 1_024) throws -> TCPListener {
        let core = currentCore("TCPListener.bind")
        if core.isStopped { throw EventLoopError.stopped }
        do throws(SystemError) {
            let calls = core.poller.systemCalls
            let descriptor = try Socket.open(address.socketFamily, calls)
            let local: SocketAddress
            do throws(SystemError) {
                try Socket.setReuseAddress(descriptor, calls)
                try Socket.bind(descriptor, to: address, calls)
                try Socket.listen(descriptor, backlog: backlog, calls)
                local = try Socket.localAddress(descriptor, calls)
            } catch {
                Socket.close(descriptor, calls)
                throw error
            }
            return TCPListener(try SocketCore(descriptor, core: core), local: local)
        } catch {
            throw IOError(error, operation: "listen on \(address)")
        }
    }

    /// Accepts the next connection, waiting until there is one.
    ///
    /// The connection belongs to the listener's loop. TCP's delay of small segments (Nagle's
    /// algorithm) is off.
    ///
    /// ## Cancellation
    /// *No effect* on the listener: no connection is lost.
    ///
    /// - Returns: The connection.
    /// - Throws: ``IOError``: `.closed` (before or meanwhile), `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    public nonisolated(nonsending) func accept() async throws -> TCPStream {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.accept() }
        }
        if socket.state.value.isReading { throw error(.busy, "another task is accepting") }
        socket.state.value.isReading = true
        defer { socket.state.value.isReading = false }
        // Two units of the budget: at most 64 connections in a row, the one that comes after the yield included.
        if !socket.spendBudget() || !socket.spendBudget() {
            await socket.core.yield()
            socket.counters.value.operationBudget &-= 2
        }
        while true {
            try socket.check("accept on \(localAddress)")
            if socket.readiness.isDisjoint(with: .endsReadWait) {
                let outcome = await socket.watch.wait(.read, "TCPListener.accept")
                if outcome == .closed { throw error(.closed) }
                try LoopCore.check(outcome)
            }
            if let stream = try await acceptNow() { return stream }
        }
    }

    /// Nil if another try is due: when there is no connection yet, or after one that had failed, or
    /// a pause.
    private nonisolated(nonsending) func acceptNow() async throws -> TCPStream? {
        guard socket.isOpen else { return nil }
        do throws(SystemError) {
            let (descriptor, peer) = try Socket.accept(socket.descriptor, socket.calls)
            let accepted = try SocketCore(descriptor, core: socket.core)
            counters.accepted.add(1)
            socket.core.counters.accepts &+= 1
            // A peer that has reset the connection meanwhile makes these two fail; its stream will
            // tell.
            try? Socket.setNoDelay(descriptor, true, socket.calls)
            let local = (try? Socket.localAddress(descriptor, socket.calls)) ?? localAddress
            return TCPStream(accepted, local: local, peer: peer)
        } catch {
            if error.wouldBlock {
                socket.clear(.endsReadWait)
            } else if error.isPendingConnectionError {
                counters.failedBeforeAccept.add(1)
                if !socket.spendBudget() { await socket.core.yield() }
            } else if error.isExhaustion || error.errno == SystemError.noWatchesLeft {
                counters.pauses.add(1)
                try await socket.core.sleep(until: socket.core.deadline(after: Self.pause))
            } else {
                throw IOError(error, operation: "accept on \(localAddress)")
            }
            return nil
        }
    }

    private func error(_ code: IOError.Code, _ detail: String? = nil) -> IOError {
        IOError(code, operation: "accept on \(localAddress)", detail: detail)
    }

    /// How long accepting rests when descriptors or memory have run out.
    private static let pause: Duration = .milliseconds(100)

    /// Closes the listener, and wakes the accepting task with `.closed`; connections that nobody
    /// has accepted are reset.
    ///
    /// A second call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*: a cancelled task closes, too.
    public nonisolated(nonsending) func close() async { await socket.close() }

    /// What a listener has done.
    public struct Statistics: Sendable, Equatable {
        /// Connections accepted.
        public var accepted: UInt64 = 0
        /// Connections that had failed before they were accepted.
        public var failedBeforeAccept: UInt64 = 0
        /// Times that accepting paused because descriptors or memory had run out.
        public var pauses: UInt64 = 0
    }

    /// What the listener has done.
    public var statistics: Statistics { counters.snapshot }

    /// Goes through the connections.
    public func makeAsyncIterator() -> Iterator { Iterator(listener: self) }

    /// Goes through the connections of a listener.
    public struct Iterator: AsyncIteratorProtocol {
        let listener: TCPListener

        /// The next connection; nil once the listener is closed.
        ///
        /// - Throws: As ``TCPListener/accept()``, but for `.closed`.
        public mutating func next() async throws -> TCPStream? {
            do {
                return try await listener.accept()
            } catch let error as IOError where error.code == .closed {
                return nil
            }
        }
    }
}

/// Counters of one listener.
private final class ListenerCounters: Sendable {
    let accepted = Counter()
    let failedBeforeAccept = Counter()
    let pauses = Counter()

    var snapshot: TCPListener.Statistics {
        .init(
            accepted: accepted.value, failedBeforeAccept: failedBeforeAccept.value,
            pauses: pauses.value)
    }
}
