// Which address of a host to try when: Happy Eyeballs, version 2 (RFC 8305).

/// How attempts at the addresses of one host race.
///
/// The first address is of the preferred family, if there is one in time; the families then take
/// turns. An attempt begins when the one before has taken too long, or at once when one has failed.
/// Addresses that are found late join in. Changes nothing but itself; who connects is not its
/// affair.
struct ConnectRace<Connection: Sendable>: TimedState {
    let watchers = WaiterQueue<Void, Void>()

    private let attemptDelay: UInt64
    private let resolutionDelay: UInt64
    private let preferred: SocketAddress.Family

    private var resolving: Set<SocketAddress.Family> = [.ipv4, .ipv6]
    private var candidates: [SocketAddress.Family: ArraySlice<SocketAddress>] = [:]
    /// The family of the last attempt; nil before the first.
    private var lastTried: SocketAddress.Family?
    private var running = 0
    /// When the next attempt begins although others run.
    private var nextAttempt: UInt64 = 0
    /// Until when addresses of the other family wait for those of the preferred one.
    private var resolutionEnd = Monotonic.never
    private var winner: Connection?
    private var isDecided = false

    /// What has failed, in order.
    private(set) var failures: [ConnectError.Failure] = []

    init(_ options: TCPStream.ConnectOptions) {
        attemptDelay = Monotonic.adding(options.attemptDelay, to: 0)
        resolutionDelay = Monotonic.adding(options.resolutionDelay, to: 0)
        preferred = options.preferredFamily
    }

    // MARK: - News

    /// The look-up of a family has ended.
    mutating func resolved(
        _ family: SocketAddress.Family, _ result: Result<[SocketAddress], any Error>, now: UInt64
    ) {
        resolving.remove(family)
        switch result {
        case .success(let addresses):
            candidates[family] = addresses[...]
            if family != preferred, !addresses.isEmpty, resolving.contains(preferred) {
                resolutionEnd = Monotonic.adding(resolutionDelay, to: now)
            }
        case .failure(let error): failures.append(.init(address: nil, error: error))
        }
    }

    /// An attempt has failed: the next need not wait.
    mutating func failed(_ address: SocketAddress, _ error: any Error) {
        running -= 1
        nextAttempt = 0
        failures.append(.init(address: address, error: error))
    }

    /// An attempt has succeeded; false if another was faster, and its connection is not wanted.
    mutating func succeeded(_ connection: Connection) -> Bool {
        running -= 1
        if isDecided { return false }
        isDecided = true
        winner = connection
        return true
    }

    /// The caller gives up: connections that come later are not wanted.
    ///
    /// - Returns: The one that came before.
    mutating func giveUp() -> Connection? {
        isDecided = true
        defer { winner = nil }
        return winner
    }

    // MARK: - What to do

    enum Step {
        case attempt(SocketAddress)
        case won(Connection)
        /// Nothing is left to try.
        case lost
    }

    mutating func next(now: UInt64) -> Look<Step> {
        if let winner {
            self.winner = nil
            return .answer(.won(winner))
        }
        let due = moment
        if due <= now, let address = takeCandidate() {
            running += 1
            nextAttempt = Monotonic.adding(attemptDelay, to: now)
            return .answer(.attempt(address))
        }
        if running == 0, resolving.isEmpty, hasNoCandidates { return .answer(.lost) }
        return .later(deadline: due)
    }

    private var hasNoCandidates: Bool { candidates.values.allSatisfy(\.isEmpty) }

    /// When the next attempt begins, if nothing happens before; never without an address.
    private var moment: UInt64 {
        if hasNoCandidates { return Monotonic.never }
        if lastTried == nil, resolving.contains(preferred) { return resolutionEnd }
        return running == 0 ? 0 : nextAttempt
    }

    private mutating func takeCandidate() -> SocketAddress? {
        let first = lastTried?.other ?? preferred
        for family in [first, first.other] {
            guard let address = candidates[family]?.popFirst() else { continue }
            lastTried = family
            return address
        }
        return nil
    }
}

extension SocketAddress.Family {
    var other: Self { self == .ipv4 ? .ipv6 : .ipv4 }
}
