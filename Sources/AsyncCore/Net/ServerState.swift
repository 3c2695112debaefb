// What a server knows of its connections.

/// The state of a ``TCPServer``.
///
/// Guarded by the server's monitor.
struct ServerState: Sendable {
    typealias Key = UInt64

    private enum Phase {
        case idle
        case serving
        case ended
    }

    private var phase = Phase.idle
    private var lastKey: Key = 0
    private(set) var connections: [Key: TCPStream] = [:]
    private var ofPeer: [SocketAddress: Int] = [:]
    private var aborted: Set<Key> = []
    private var takesNoMore = false
    private var accepted: UInt64 = 0
    private var refused: UInt64 = 0
    private var failed: UInt64 = 0
    private let ending = WaiterQueue<Void, Void>()

    private var handlers: [Key: TaskHandle<Void, any Error>] = [:]

    /// False if the server has served before.
    mutating func begin() -> Bool {
        guard phase == .idle else { return false }
        phase = .serving
        return true
    }

    mutating func end(_ wakeups: inout Wakeups) {
        phase = .ended
        ending.grantAll((), &wakeups)
    }

    func waitForEnd(_ place: WaiterQueue<Void, Void>.Place?) -> Void? {
        if phase == .ended { return () }
        ending.append(place)
        return nil
    }

    /// The server ends: a connection that was accepted just now is not served any more.
    mutating func takeNoMore() { takesNoMore = true }

    /// A new connection; nil if its peer has enough of them, or the server ends.
    mutating func add(_ stream: TCPStream, maximumPerPeer: Int?) -> Key? {
        if takesNoMore { return refuse() }
        let peer = stream.peerAddress.withoutPort
        let others = ofPeer[peer] ?? 0
        if let maximumPerPeer, others >= maximumPerPeer { return refuse() }
        ofPeer[peer] = others + 1
        lastKey += 1
        connections[lastKey] = stream
        accepted += 1
        return lastKey
    }

    /// The task that serves a connection, which is there until it has ended.
    ///
    /// - Returns: Whether the connection has been aborted meanwhile, from another thread.
    mutating func attach(_ handler: TaskHandle<Void, any Error>, to key: Key) -> Bool {
        if connections[key] != nil { handlers[key] = handler }
        return aborted.contains(key)
    }

    mutating func refuse() -> Key? {
        refused += 1
        return nil
    }

    /// A handler has ended; true if it was made to.
    mutating func remove(_ key: Key, failed hasFailed: Bool) -> Bool {
        if let stream = connections.removeValue(forKey: key) {
            let peer = stream.peerAddress.withoutPort
            let others = (ofPeer[peer] ?? 1) - 1
            ofPeer[peer] = others == 0 ? nil : others
        }
        handlers[key] = nil
        if hasFailed { failed += 1 }
        return aborted.remove(key) != nil
    }

    /// The connections and their handlers, all of which are to end.
    mutating func abort() -> ([TCPStream], [TaskHandle<Void, any Error>]) {
        aborted.formUnion(connections.keys)
        return (Array(connections.values), Array(handlers.values))
    }

    var statistics: TCPServer.Statistics {
        .init(
            active: connections.count, accepted: accepted, refused: refused, failed: failed)
    }
}
