// A deadline over a body of work: the part of a timeout that belongs to the loop.
internal import Synchronization

/// Cancels a body of work when a deadline has passed, or when the loop stops.
///
/// Owner thread only.
///
/// Who can win: the body that ends (then the timer goes), or the deadline (then the body is
/// cancelled, and its clean-up is awaited by whoever awaits the body). A body that ends in the
/// turn of the deadline wins, and so does one that moves the deadline in that turn.
@safe
@usableFromInline
class DeadlineScope: CompletionTarget, @unchecked Sendable {
    // SAFETY: touched on the loop's thread only: by the body and its caller, or by calls that they
    // post when they are elsewhere; and between jobs. `reason` is read elsewhere once the body is
    // over, after which it does not change. The links backward refer to scopes that are in the list.
    let core: LoopCore
    private var timer: TimerToken?
    private var isDue = false
    private var isListed = false
    private let over = Atomic<Bool>(false)

    /// Why the scope cancelled the body, if it did.
    private(set) var reason: Reason?

    enum Reason {
        case expired
        /// The loop stops, and can keep no deadline any more.
        case stopped
    }

    /// Whether the body is over.
    ///
    /// Any thread.
    final var isOver: Bool { over.load(ordering: .relaxed) }

    // Links of the loop's list of scopes, which holds each until its body is over.
    fileprivate var next: DeadlineScope?
    fileprivate unowned(unsafe) var previous: DeadlineScope?

    init(core: LoopCore, deadline: UInt64) {
        self.core = core
        super.init()
        if core.isCurrent {
            enter(deadline)
        } else {
            core.post { self.enter(deadline) }
        }
    }

    private func enter(_ deadline: UInt64) {
        // The body may have been faster.
        if isOver { return }
        isListed = true
        core.deadlineScopes.add(self)
        arm(deadline)
    }

    private func leave() {
        if isListed {
            isListed = false
            core.deadlineScopes.remove(self)
        }
        // Also if it never entered: a body that was faster may have moved the deadline.
        disarm()
    }

    private func arm(_ deadline: UInt64) {
        if deadline != Monotonic.never {
            timer = core.poller.addTimer(at: deadline, target: self)
        }
    }

    private func disarm() {
        if let timer { core.poller.removeTimer(timer, target: self) }
        timer = nil
        isDue = false
    }

    /// Moves the deadline; nothing, once the body is over or cancelled.
    final func move(to deadline: UInt64) {
        if isOver || reason != nil { return }
        disarm()
        arm(deadline)
    }

    /// The body is over.
    final func finish() {
        over.store(true, ordering: .relaxed)
        if core.isCurrent {
            leave()
        } else {
            core.post { self.leave() }
        }
    }

    override final func deadlinePassed() {
        timer = nil
        isDue = true
        core.noteExpired(self)
    }

    /// Cancels the body, unless it is over, or has a new deadline.
    final func cancel(_ reason: Reason) {
        if isOver || self.reason != nil || (reason == .expired && !isDue) { return }
        if reason == .expired, let later = laterDeadline() { return move(to: later) }
        self.reason = reason
        cancelBody()
    }

    /// Asked when the deadline has passed: one that takes its place, if any.
    func laterDeadline() -> UInt64? { nil }

    /// What it means to cancel the body.
    func cancelBody() {}
}

/// The scopes of a loop whose bodies are not over.
///
/// Owner thread only.
@safe
final class DeadlineScopeList {
    // SAFETY: the list owns its scopes through the links forward; the links backward refer to scopes
    // that are in the list.
    private var first: DeadlineScope?

    var isEmpty: Bool { first == nil }

    func add(_ scope: DeadlineScope) {
        scope.next = first
        if let first { unsafe first.previous = scope }
        first = scope
    }

    func remove(_ scope: DeadlineScope) {
        let next = scope.next
        let previous = unsafe scope.previous
        if let next { unsafe next.previous = previous }
        if let previous { previous.next = next } else { first = next }
        scope.next = nil
        unsafe scope.previous = nil
    }

    /// The loop stops: cancels all bodies, whose callers learn that the loop has stopped.
    ///
    /// All are known before the first is cancelled, as that runs code of others.
    func stopAll() {
        var scopes: [DeadlineScope] = []
        var scope = first
        while let current = scope {
            scopes.append(current)
            scope = current.next
        }
        for scope in scopes { scope.cancel(.stopped) }
    }
}
