import AsyncCore

/// One primitive in one role, as the tests that all primitives share see it.
///
/// Tasks `enter`, which waits after `occupy`; `handOver` lets those in who wait. One who was let in
/// lets the next in when it leaves, so that one `handOver` serves all, if nothing gets lost.
struct Subject: Sendable {
    typealias Inside = @Sendable () async throws -> Void

    /// What becomes of what was handed to a task that is cancelled before it runs.
    enum Kind {
        /// It goes to the next, and the task gets a `CancellationError`.
        case permit
        /// The task has it all the same.
        case value
    }

    let kind: Kind
    /// How many may be inside at once.
    var limit: Int = .max
    /// Makes those wait who enter from now on. The same task hands over.
    var occupy: @Sendable () async throws -> Void = {}
    /// Waits, runs the body, and leaves.
    let enter: @Sendable (_ inside: @escaping Inside) async throws -> Void
    /// Lets those in who wait, without suspending. Again: does nothing, or the same.
    let handOver: @Sendable () throws -> Void
    /// The form that does not wait: false if it had to; what it got, it gives back.
    let tryEnter: @Sendable () throws -> Bool
    let waiting: @Sendable () -> Int
    /// Whether nobody waits and nothing is held, after `handOver` and the end of all tasks.
    let isFree: @Sendable () -> Bool
    /// Makes a fresh subject such that entering needs no waiting; nil where it always does.
    var open: (@Sendable () throws -> Void)? = {}
    /// Fails all who wait, with an error that it tells.
    var close: (@Sendable () -> any Error)?

    func enter() async throws { try await enter {} }
}
