// Accepting connections, of whatever family.

/// The accepting side of a listener: a socket that listens, and how it recovers.
///
/// On the loop of its socket only.
final class ConnectionAcceptor: Sendable {
    let socket: SocketCore
    private let counters = ListenerCounters()
    private let address: any CustomStringConvertible & Sendable
    private let description: StaticString
    private let acceptsUnixStreams: Bool

    /// - Parameters:
    ///   - socket: Listens.
    ///   - address: Where, for errors.
    ///   - description: What its task waits for, for diagnosis.
    ///   - acceptsUnixStreams: Whether its connections are Unix streams.
    init(
        _ socket: SocketCore, address: any CustomStringConvertible & Sendable,
        description: StaticString, acceptsUnixStreams: Bool = false
    ) {
        self.socket = socket
        self.address = address
        self.description = description
        self.acceptsUnixStreams = acceptsUnixStreams
    }

    /// What it has done.
    var statistics: ListenerStatistics { counters.snapshot }

    /// Accepts the next connection, waiting until there is one.
    nonisolated(nonsending) func accept() async throws -> (SocketCore, peer: RawAddress) {
        if socket.use.isReading { throw error(.busy, "another task is accepting") }
        socket.use.isReading = true
        defer { socket.use.isReading = false }
        // Two units of the budget: at most 64 connections in a row, the one that comes after the yield included.
        if !socket.spendBudget() || !socket.spendBudget() {
            await socket.core.yield()
            socket.counters.value.operationBudget &-= 2
        }
        while true {
            try socket.check("accept on \(address)")
            if socket.readiness.isDisjoint(with: .endsReadWait) {
                let outcome = await socket.wait(.read, description)
                if outcome == .closed { throw error(.closed) }
                try LoopCore.check(outcome)
            }
            if let accepted = try await acceptNow() { return accepted }
        }
    }

    /// Nil if another try is due: when there is no connection yet, or after one that had failed, or
    /// a pause.
    private nonisolated(nonsending) func acceptNow() async throws -> (
        SocketCore, peer: RawAddress
    )? {
        guard socket.isOpen else { return nil }
        do throws(SystemError) {
            let (descriptor, peer) = try Socket.accept(socket.descriptor, socket.calls)
            let accepted = try SocketCore(
                descriptor, core: socket.core, isUnixStream: acceptsUnixStreams)
            counters.accepted.add(1)
            socket.core.counters.accepts &+= 1
            return (accepted, peer)
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
                throw IOError(error, operation: "accept on \(address)")
            }
            return nil
        }
    }

    private func error(_ code: IOError.Code, _ detail: String? = nil) -> IOError {
        IOError(code, operation: "accept on \(address)", detail: detail)
    }

    /// How long accepting rests when descriptors or memory have run out.
    private static let pause: Duration = .milliseconds(100)
}

/// What a listener has done.
public struct ListenerStatistics: Sendable, Equatable {
    /// Connections accepted.
    public var accepted: UInt64 = 0
    /// Connections that had failed before they were accepted.
    public var failedBeforeAccept: UInt64 = 0
    /// Times that accepting paused because descriptors or memory had run out.
    public var pauses: UInt64 = 0
}

/// Counters of one listener.
private final class ListenerCounters: Sendable {
    let accepted = Counter()
    let failedBeforeAccept = Counter()
    let pauses = Counter()

    var snapshot: ListenerStatistics {
        .init(
            accepted: accepted.value, failedBeforeAccept: failedBeforeAccept.value,
            pauses: pauses.value)
    }
}
