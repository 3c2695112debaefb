// Why something was cancelled.

/// Why a scope, or a token, was cancelled, and by whom.
///
/// The first reason stays: what is cancelled already is not cancelled again.
public struct CancellationReason: Hashable, Sendable, CustomStringConvertible {
    /// Who cancelled.
    public enum Source: Hashable, Sendable {
        /// The program, by calling `cancel`.
        case program
        /// A deadline that passed.
        case deadline
        /// A child, or the body, of a ``TaskScope`` that failed.
        case failure
        /// A ``CancellationToken``.
        case token
        /// The loop, which stops and can keep no deadline any more.
        case loopStopped
    }

    /// Who cancelled.
    public var source: Source

    /// Why, in words; may be empty.
    public var message: String

    /// A reason.
    ///
    /// - Parameters:
    ///   - source: Who cancels.
    ///   - message: Why, in words.
    public init(_ source: Source = .program, message: String = "") {
        self.source = source
        self.message = message
    }

    /// What happened, in words.
    public var description: String {
        let who =
            switch source {
            case .program: "cancelled"
            case .deadline: "the deadline passed"
            case .failure: "a task of the scope failed"
            case .token: "the token was cancelled"
            case .loopStopped: "the event loop has stopped"
            }
        return message.isEmpty ? who : "\(who): \(message)"
    }
}

extension CancellationReason: ExpressibleByStringLiteral {
    /// A reason of the program's own: `scope.cancel("a better offer came")`.
    ///
    /// - Parameter message: Why.
    public init(stringLiteral message: String) { self.init(message: message) }
}

/// A scope was cancelled by the program, from inside or outside, and its body has no value because
/// of that.
///
/// No `CancellationError`: the caller itself is not cancelled.
public struct ScopeCancelledError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why the scope was cancelled.
    public var reason: CancellationReason

    /// The error of a scope that was cancelled.
    ///
    /// - Parameter reason: Why it was.
    public init(_ reason: CancellationReason) { self.reason = reason }

    /// What happened, in words.
    public var description: String { "the scope ended early: \(reason)" }
}
