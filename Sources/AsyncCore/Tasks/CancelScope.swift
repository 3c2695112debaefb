// A part of a program that can be cancelled by itself: trio's cancel scope.
//
// The body runs in a task of its own, so that it can be cancelled while its caller is not, and so
// that a cancellation of the caller can be kept from it. The caller always awaits it.

/// Work that can be cancelled by hand, at a deadline, or together with what is around it.
///
/// Usually made by ``withCancelScope(timeout:deadline:isShielded:_:)``. Made by itself, it can be
/// given to those who may cancel it before it is entered, with ``run(_:)``, once.
///
/// Everything in the body, its child tasks included, sees a cancellation of the scope, at each of
/// its suspensions until the body has ended. The first reason stays; to cancel again does nothing.
/// With scopes in each other that are cancelled together, the outermost one counts: the others
/// throw `CancellationError`, so that what lies between ends, too.
///
/// ## Isolation
/// *Any task*, any thread.
public final class CancelScope: Sendable, EnclosingScope {
    private let monitor: Monitor<Shared>
    /// Decides at each deadline whether it is one.
    private let idleWatch: IdleWatch?

    private struct Shared: Sendable {
        var state: CancelScopeState
        // Set when the body begins; the closure goes with the body.
        var core: LoopCore?
        var timer: (any ScopeTimer)?
        var outer: (any EnclosingScope)?
        var cancelBody: (@Sendable () -> Void)?
    }

    /// A scope that is not entered yet.
    ///
    /// - Parameters:
    ///   - timeout: How long the body may take, counted from its beginning; nil for ever.
    ///   - deadline: When the body is cancelled; one in the past cancels it at its first
    ///     suspension. With both, the earlier counts.
    ///   - isShielded: See ``isShielded``.
    public init(
        timeout: Duration? = nil, deadline: ContinuousClock.Instant? = nil, isShielded: Bool = false
    ) {
        monitor = Monitor(
            Shared(
                state: CancelScopeState(
                    timeout: timeout, deadline: deadline, isShielded: isShielded)))
        idleWatch = nil
    }

    /// A scope whose body is cancelled when there was no progress for a time.
    init(_ idleWatch: IdleWatch) {
        monitor = Monitor(
            Shared(state: CancelScopeState(timeout: nil, deadline: nil, isShielded: false)))
        self.idleWatch = idleWatch
    }

    // MARK: - Cancelling

    /// Cancels the body, now or, if it has not begun, as soon as it begins.
    ///
    /// Nothing, if the scope is cancelled already or its body has ended.
    ///
    /// - Parameter reason: Why.
    public func cancel(_ reason: CancellationReason = .init()) {
        change { $0.cancel(reason) }
    }

    /// Whether the scope itself has been cancelled: by hand, at its deadline, or by a loop that
    /// stopped.
    public var isCancelled: Bool { reason != nil }

    /// Why the scope itself was cancelled, if it was.
    public var reason: CancellationReason? { monitor.withLock { $0.state.reason } }

    /// Whether the body is kept from seeing that the scope's caller is cancelled, or a scope around
    /// it, or that their deadlines pass.
    ///
    /// What cancels this scope itself is not hidden. If the shield is taken down when the caller is
    /// cancelled already, the body sees it at its next suspension, or the one that it is in. A
    /// shield that goes up too late hides nothing: a cancellation cannot be taken back.
    public var isShielded: Bool {
        get { monitor.withLock { $0.state.isShielded } }
        set { change { $0.shield(newValue) } }
    }

    /// Lets an event happen, and cancels the body if that follows.
    private func change(_ event: (inout CancelScopeState) -> Bool) {
        monitor.withLock { event(&$0.state) ? $0.cancelBody : nil }?()
    }

    // MARK: - The deadline

    /// When the body will be cancelled; nil for never.
    ///
    /// A timeout has no deadline before the body begins.
    public var deadline: ContinuousClock.Instant? {
        let (state, core) = monitor.withLock { ($0.state, $0.core) }
        if state.phase == .new { return state.deadlineBeforeEntry }
        return Monotonic.instant(of: state.deadline, of: core)
    }

    /// Moves the deadline, earlier or later, counted from now.
    ///
    /// Before the body begins it is counted from there.
    ///
    /// - Parameter timeout: The time that is left; zero or less cancels the body at its next
    ///   suspension, nil lifts the deadline.
    /// - Returns: False if it is too late: the scope is cancelled, or its body has ended.
    @discardableResult
    public func reschedule(after timeout: Duration?) -> Bool {
        reschedule(timeout: timeout, instant: nil) { core in
            timeout.map { Monotonic.adding($0, to: Monotonic.now(of: core)) } ?? Monotonic.never
        }
    }

    /// Moves the deadline, earlier or later.
    ///
    /// - Parameter deadline: The new one; one in the past cancels the body at its next suspension,
    ///   nil lifts the deadline.
    /// - Returns: False if it is too late: the scope is cancelled, or its body has ended.
    @discardableResult
    public func reschedule(at deadline: ContinuousClock.Instant?) -> Bool {
        reschedule(timeout: nil, instant: deadline) { core in
            Monotonic.deadline(at: deadline, of: core)
        }
    }

    private func reschedule(
        timeout: Duration?, instant: ContinuousClock.Instant?, _ deadline: (LoopCore?) -> UInt64
    ) -> Bool {
        let (isAccepted, timer) = monitor.withLock { shared -> (Bool, (any ScopeTimer)?) in
            if shared.state.replaceDeadline(timeout: timeout, instant: instant) {
                return (true, nil)
            }
            let isAccepted = shared.state.move(to: deadline(shared.core))
            return (isAccepted, isAccepted ? shared.timer : nil)
        }
        timer?.move()
        return isAccepted
    }

    /// The deadline that is in force, for the scope's timer.
    var deadlineInForce: UInt64 { monitor.withLock { $0.state.deadline } }

    /// The deadline that takes the place of one that has passed; nil if the body is to be cancelled.
    func deadlineAfterLook() -> UInt64? {
        guard let idleWatch else { return nil }
        let core = monitor.withLock { $0.core }
        guard let next = idleWatch.look(now: Monotonic.now(of: core)) else { return nil }
        return monitor.withLock { $0.state.move(to: next) ? next : nil }
    }

    /// When the running code will be cancelled by a scope or a timeout that it is in; nil for
    /// never.
    ///
    /// The earliest deadline of `withTimeout`, `withDeadline`, cancel scopes and task scopes around
    /// the code, up to the innermost shield: what to tell a peer that can keep
    /// deadlines of its own. Now, if the code is cancelled already. Child tasks are in the scopes of
    /// their parent. A task made by `spawn` or `Task {}` inside of a scope is told the same, though
    /// the scope will not cancel it.
    public static var effectiveDeadline: ContinuousClock.Instant? {
        if TaskIdentity.isCurrentCancelled { return .now }
        return ScopeContext.innermost.get()?.effectiveDeadline
    }

    @usableFromInline var effectiveDeadline: ContinuousClock.Instant? {
        let shared = monitor.withLock { $0 }
        let outer = shared.state.isShielded ? nil : shared.outer?.effectiveDeadline
        // When to look for progress is no deadline for the body.
        if shared.state.phase == .ended || idleWatch != nil { return outer }
        return ScopeContext.earlier(
            Monotonic.instant(of: shared.state.deadline, of: shared.core), outer)
    }

    // MARK: - The body

    /// Runs `body` in the scope, once.
    ///
    /// On a loop the body, and what it awaits, run on the loop; elsewhere on Swift's own threads.
    ///
    /// ## Cancellation
    /// Cancels the body, unless the scope is shielded, and waits for it in any case.
    ///
    /// - Parameter body: What to do.
    /// - Returns: The body's value; nil if the scope was cancelled and the body ended in that
    ///   cancellation.
    /// - Throws: The body's error; `CancellationError` if the caller is cancelled and the body
    ///   ended because of that; ``EventLoopError/stopped`` if the loop has stopped, or stops before
    ///   the body ends.
    /// - Precondition: The scope has not been entered before.
    @inlinable @inline(__always) @discardableResult
    public nonisolated(nonsending) func run<R: Sendable>(
        _ body: sending @escaping () async throws -> R
    ) async throws -> R? {
        do {
            return try await perform(body)
        } catch let ended as EndedByScope {
            try ended.checkLoop()
            return nil
        }
    }

    /// Runs `body` in the scope.
    ///
    /// - Throws: ``EndedByScope`` if the scope was cancelled and the body ended in that
    ///   cancellation; else what ``run(_:)`` throws.
    @inlinable
    nonisolated(nonsending) func perform<R: Sendable>(
        _ body: sending @escaping () async throws -> R
    ) async throws -> R {
        let executor = try enter(from: #isolation)
        let task = Task(name: Task.name, executorPreference: executor) {
            try await ScopeContext.innermost.withValue(self, operation: body)
        }
        activate { task.cancel() }
        do {
            let value = try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                cancelFromOutside()
            }
            end()
            return value
        } catch {
            throw end(error)
        }
    }

    /// Where the body will run; nil for Swift's own threads.
    @usableFromInline
    func enter(from isolation: (any Actor)?) throws -> (any TaskExecutor)? {
        let core = LoopCore.ofCaller("CancelScope.run", in: isolation)
        if let core, core.isStopped { throw EventLoopError.stopped }
        let outer = ScopeContext.innermost.get()
        let isFirst = monitor.withLock { shared in
            shared.core = core
            shared.outer = outer
            return shared.state.enter(
                after: { Monotonic.adding($0, to: Monotonic.now(of: core)) },
                at: { Monotonic.deadline(at: $0, of: core) })
        }
        precondition(isFirst, "a CancelScope is entered once only")
        return core?.preferredExecutor
    }

    /// From here on the body can be cancelled, and the deadline passes.
    @usableFromInline
    func activate(_ cancelBody: @escaping @Sendable () -> Void) {
        let core = monitor.withLock { $0.core }
        let timer: any ScopeTimer =
            if let core { LoopScopeTimer(core: core, scope: self) } else {
                SleepingScopeTimer(scope: self)
            }
        monitor.withLock { shared in
            shared.timer = timer
            shared.cancelBody = cancelBody
        }
        change { $0.activate() }
        _ = deadlineAfterLook()
        // Not before: the deadline may have been moved meanwhile, from another thread.
        timer.move()
    }

    @usableFromInline
    func cancelFromOutside() { change { $0.cancelFromOutside() } }

    /// The body is over.
    @usableFromInline
    func end() {
        // Taken out, so that they go without the lock.
        let (timer, body) = monitor.withLock { shared in
            shared.state.end()
            let parts = (shared.timer, shared.cancelBody)
            shared.timer = nil
            shared.cancelBody = nil
            return parts
        }
        timer?.finish()
        _ = body
    }

    /// Who ended the body, which is over, if it ended in a cancellation.
    var ending: CancelScopeState.Ending { monitor.withLock { $0.state.ending } }

    /// The body is over, with this error; the error to throw.
    @usableFromInline
    func end(_ error: any Error) -> any Error {
        end()
        guard case .scope(let reason) = ending, error is CancellationError else { return error }
        return EndedByScope(reason: reason)
    }
}

/// The body of a scope ended in the scope's own cancellation.
@usableFromInline
struct EndedByScope: Error {
    @usableFromInline let reason: CancellationReason

    /// A scope cannot keep it to itself that the loop has stopped.
    @usableFromInline
    func checkLoop() throws { if reason.source == .loopStopped { throw reason.error } }
}
