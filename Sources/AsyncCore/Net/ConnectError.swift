// A host that could not be reached.

/// No address of a host could be connected to.
public struct ConnectError: Error, Sendable, CustomStringConvertible {
    /// One thing that was tried.
    public struct Failure: Sendable {
        /// The address; nil if the name could not be looked up.
        public let address: SocketAddress?

        /// Why it failed: an ``IOError`` of an attempt, or a ``ResolutionError``.
        public let error: any Error
    }

    /// The host.
    public let host: String

    /// The port.
    public let port: Int

    /// What was tried, in the order in which it failed; at least one.
    public let failures: [Failure]

    /// What all attempts failed with, if that was the same; nil also if nothing could be attempted.
    public var code: IOError.Code? {
        let attempts = failures.filter { $0.address != nil }
        let codes = Set(attempts.map { ($0.error as? IOError)?.code })
        return codes.count == 1 ? codes.first ?? nil : nil
    }

    /// What failed, and why, in each case.
    public var description: String {
        let attempts = failures.filter { $0.address != nil }
        // A family that the host has no address of is of no interest beside addresses that failed.
        let causes = (attempts.isEmpty ? failures : attempts).map { "\($0.error)" }
        return "cannot connect to \(host), port \(port): \(causes.joined(separator: "; "))"
    }
}
