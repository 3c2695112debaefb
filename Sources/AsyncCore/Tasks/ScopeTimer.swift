// What cancels a scope at its deadline: a timer of the loop, or where there is none, a task.

/// The timer of one ``CancelScope``.
protocol ScopeTimer: AnyObject, Sendable {
    /// Takes over the scope's deadline, which was moved.
    ///
    /// Any thread.
    func move()

    /// The body is over.
    ///
    /// To be called where the body's caller runs.
    func finish()
}

/// A timer of the loop that the scope's body runs on.
final class LoopScopeTimer: DeadlineScope, ScopeTimer, @unchecked Sendable {
    // SAFETY: immutable; the rest is the base's.
    private let scope: CancelScope

    /// Owner thread only.
    init(core: LoopCore, scope: CancelScope) {
        self.scope = scope
        super.init(core: core, deadline: Monotonic.never)
    }

    func move() {
        if core.isCurrent {
            move(to: scope.deadlineInForce)
        } else {
            core.post { self.move(to: self.scope.deadlineInForce) }
        }
    }

    override func laterDeadline() -> UInt64? { scope.deadlineAfterLook() }

    override func cancelBody() {
        scope.cancel(.init(reason == .stopped ? .loopStopped : .deadline))
    }
}

/// A task that sleeps until the deadline.
final class SleepingScopeTimer: ScopeTimer {
    private let scope: CancelScope
    private let sleeper = Monitor<Task<Void, Never>?>(nil)

    init(scope: CancelScope) { self.scope = scope }

    func move() {
        let deadline = scope.deadlineInForce
        guard deadline != Monotonic.never else { return replace(with: nil) }
        let scope = scope
        replace(
            with: Task.detached {
                var deadline = deadline
                while true {
                    let delay = Monotonic.duration(from: Monotonic.now(of: nil), to: deadline)
                    do { try await Task.sleep(for: delay) } catch { return }
                    // A deadline that was moved just now counts, not this one.
                    if scope.deadlineInForce != deadline { return }
                    guard let later = scope.deadlineAfterLook() else { break }
                    deadline = later
                }
                scope.cancel(.init(.deadline))
            })
    }

    func finish() { replace(with: nil) }

    private func replace(with next: Task<Void, Never>?) {
        let previous = sleeper.withLock { task in
            defer { task = next }
            return task
        }
        previous?.cancel()
    }
}
