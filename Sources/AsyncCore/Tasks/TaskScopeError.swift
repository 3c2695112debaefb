// What a task scope has to report.

/// Several tasks of a ``TaskScope`` failed, or its body and some tasks.
///
/// A single error is thrown as it is. Cancellations that the scope itself caused are not among the
/// errors. A scope within a scope is one task of it: its ``TaskScopeError`` is one error.
public struct TaskScopeError: Error, Sendable, CustomStringConvertible {
    /// The errors, two or more, in the order in which they came.
    public let errors: [any Error]

    init(_ errors: [any Error]) { self.errors = errors }

    /// What happened, in words.
    public var description: String {
        let list = errors.map { "\($0)" }.joined(separator: "; ")
        return "\(errors.count) tasks of a scope failed: \(list)"
    }
}

/// A child of ``TaskScope/start(name:_:)`` that never got ready.
public enum TaskStartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The child ended without an error, and without saying that it is ready.
    case endedBeforeReady

    /// What happened, in words.
    public var description: String {
        switch self {
        case .endedBeforeReady: "the task ended without saying that it is ready"
        }
    }
}
