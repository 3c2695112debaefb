// From names to addresses, and back.

/// Finds the addresses of hosts, and the names of addresses.
///
/// ``SystemResolver`` asks the system. Write your own for another source of names, or for tests.
public protocol Resolver: Sendable {
    /// The addresses of a host, of one family, in the order in which to try them.
    ///
    /// ## Cancellation
    /// Ends the wait at once; the look-up may go on unseen.
    ///
    /// - Parameters:
    ///   - host: A name, in ASCII.
    ///   - port: The port of the addresses returned.
    ///   - family: Which addresses.
    /// - Returns: At least one address.
    /// - Throws: ``ResolutionError``; ``IOError`` if the system has no descriptors or memory for the
    ///   look-up; `CancellationError`.
    nonisolated(nonsending) func addresses(
        of host: String, port: Int, family: SocketAddress.Family
    ) async throws -> [SocketAddress]

    /// The name of an address.
    ///
    /// ## Cancellation
    /// Ends the wait at once; the look-up may go on unseen.
    ///
    /// - Throws: As ``addresses(of:port:family:)``.
    nonisolated(nonsending) func name(of address: SocketAddress) async throws -> String
}

extension Resolver {
    /// The addresses of a host, of both families: IPv6 first, then in turn.
    ///
    /// A literal address is not looked up, and returned as it is.
    ///
    /// ## Cancellation
    /// Ends the wait at once; the look-ups may go on unseen.
    ///
    /// - Parameters:
    ///   - host: A name, in ASCII, or a literal address.
    ///   - port: The port of the addresses returned: 0 to 65,535.
    /// - Returns: At least one address.
    /// - Throws: ``ResolutionError`` if there is none of either family; as
    ///   ``addresses(of:port:family:)``.
    public nonisolated(nonsending) func addresses(
        of host: String, port: Int
    ) async throws -> [SocketAddress] {
        if let literal = try HostName.literal(host, port: port) { return [literal] }
        async let six = result(of: host, port: port, family: .ipv6)
        async let four = result(of: host, port: port, family: .ipv4)
        switch await (six, four) {
        case (.success(let six), .success(let four)): return Self.interleaved(six, four)
        case (.success(let some), .failure), (.failure, .success(let some)): return some
        // What there is no address of in one family alone says less than any other failure.
        case (.failure(let one), .failure(let other)):
            throw (one as? ResolutionError)?.reason == .notFound ? other : one
        }
    }

    nonisolated(nonsending) func result(
        of host: String, port: Int, family: SocketAddress.Family
    ) async -> Result<[SocketAddress], any Error> {
        do {
            return .success(try await addresses(of: host, port: port, family: family))
        } catch {
            return .failure(error)
        }
    }

    private static func interleaved(
        _ six: [SocketAddress], _ four: [SocketAddress]
    ) -> [SocketAddress] {
        var all: [SocketAddress] = []
        for index in 0..<max(six.count, four.count) {
            if index < six.count { all.append(six[index]) }
            if index < four.count { all.append(four[index]) }
        }
        return all
    }
}

/// A name that could not be looked up.
public struct ResolutionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why.
    public enum Reason: Hashable, Sendable {
        /// The host does not exist, or has no address of the family that was asked for.
        case notFound
        /// The name servers did not answer, or could not; it may work later.
        case temporary
        /// No host can have that name.
        case invalidName(String)
        /// Something else, in the C library's words.
        case failed(String)
    }

    /// The name, or the address, that was looked up.
    public let host: String

    /// Why there is no answer.
    public let reason: Reason

    /// An error for a resolver of your own.
    public init(host: String, reason: Reason) {
        self.host = host
        self.reason = reason
    }

    /// What failed and why.
    public var description: String {
        let why =
            switch reason {
            case .notFound: "no such host, or no address of that kind"
            case .temporary: "the name servers do not answer"
            case .invalidName(let detail): detail
            case .failed(let message): message
            }
        return "cannot look up \(String(reflecting: host)): \(why)"
    }
}

/// What can be said of a host without asking anybody.
enum HostName {
    /// The address, if the host is a literal one; nil for a name.
    ///
    /// - Throws: ``IOError`` for a port out of range; ``ResolutionError`` for what is neither.
    static func literal(_ host: String, port: Int) throws -> SocketAddress? {
        if !(0...65_535).contains(port) { _ = try SocketAddress("::", port: port) }
        if let address = try? SocketAddress(host, port: port) { return address }
        try check(host)
        return nil
    }

    /// Refuses what no host can be called.
    static func check(_ host: String) throws(ResolutionError) {
        func refuse(_ detail: String) -> ResolutionError {
            ResolutionError(host: host, reason: .invalidName(detail))
        }
        if host.isEmpty { throw refuse("the name is empty") }
        if host.utf8.count > 254 { throw refuse("the name is longer than 253 bytes") }
        if host.contains(":") { throw refuse("neither an IPv6 address nor a name") }
        if !host.utf8.allSatisfy({ $0 < 128 }) {
            throw refuse("the name is not ASCII; write it in its encoded form, xn--…")
        }
        if !host.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) {
            throw refuse("the name has a space or a control character in it")
        }
    }
}
