// Where code of a task goes on after a wait, if it runs in an actor.
//
// Code that is isolated to nothing runs where its task wants to: a task of a loop on the loop's
// thread. An actor without an executor of the loop is another matter. While it is busy, the code of
// a task that calls it stands in the actor's own queue, and is run by whoever works that queue off:
// a loop's thread may run a step of a task of Swift's pool, and a thread of the pool a step of a
// loop's task. So an operation called in such an actor may find itself on one thread before its
// wait, and on another after it. The isolation of the caller, which every `nonisolated(nonsending)`
// function is told, says beforehand whether that can be.
//
// Optimised code may also not be there yet: Swift 6.3 leaves out the hop to an actor if the first
// that the actor's method does is to call a specialised generic `nonisolated(nonsending)` function.
// Public ones are therefore inlined always, or never specialised.

extension LoopCore {
    // SAFETY: whoever asks for an actor's executor holds the actor, which keeps it alive; the running
    // task keeps alive the executor that it prefers.

    /// Whether code of that isolation, which runs on this loop, is there again after each wait.
    @inline(__always)
    func keeps(_ isolation: (any Actor)?) -> Bool {
        guard let isolation else { return true }
        return isHome(of: isolation)
    }

    /// Whether the calling code runs on this loop, and will after each wait.
    @inline(__always)
    func isCurrent(for isolation: (any Actor)?) -> Bool { isCurrent && keeps(isolation) }

    /// Whether nobody else runs the actor's jobs.
    @inline(never)
    private func isHome(of actor: any Actor) -> Bool {
        isProgram || Self.home(of: actor) === self
    }

    /// The loop whose serial executor the actor has, if any.
    private static func home(of actor: any Actor) -> LoopCore? {
        // SAFETY: see above.
        (unsafe actor.unownedExecutor.asSerialExecutor() as? LoopSerialExecutor)?.core
    }

    /// The loop that runs the calling code, if any, for operations that wait.
    ///
    /// In an actor that other threads work for as well, only if the calling task is one of the
    /// loop's: others just happen to be there. It may go on elsewhere all the same; then what it has
    /// left on the loop must be taken back there.
    ///
    /// - Parameters:
    ///   - operation: In debug mode, callers that should be on a loop and are not are reported.
    ///   - isolation: The caller's.
    /// - Returns: The loop; nil if the caller runs on none, or does not belong there.
    @inline(__always)
    static func current(
        for operation: StaticString, in isolation: (any Actor)?
    ) -> LoopCore? {
        let core = current(for: operation)
        guard let core, let isolation else { return core }
        return core.serves(isolation) ? core : nil
    }

    /// The loop to do the caller's work on, if any: the one that runs it, or whose task it is, or
    /// whose actor it is in, which need not run it just now.
    static func ofCaller(
        _ operation: StaticString, in isolation: (any Actor)?
    ) -> LoopCore? {
        current(for: operation, in: isolation) ?? ofTask ?? isolation.flatMap(home)
    }

    private func serves(_ isolation: any Actor) -> Bool {
        isHome(of: isolation) || Self.ofTask === self
    }

    /// The loop that the calling task is one of, wherever it runs just now; nil if it prefers no
    /// loop.
    ///
    /// About 100 ns.
    static var ofTask: LoopCore? {
        // SAFETY: see above.
        let executor = unsafe withUnsafeCurrentTask { task in
            unsafe task?.unownedTaskExecutor?.asTaskExecutor()
        }
        return (executor as? LoopTaskExecutor)?.core
    }

    /// A waiter for one wait of the calling task, which runs on this loop now.
    ///
    /// One that may go on elsewhere cannot use its standing waiter again before this wait has been
    /// cleaned up, so it gets another. That one is not in the loop's book: its task might end while
    /// the loop looks at it. Under test, where all tasks mostly run on the loop, it is.
    @inline(__always)
    func makeWaiter(for isolation: (any Actor)?) -> Waiter {
        keeps(isolation) ? makeWaiter() : makeGuestWaiter()
    }

    /// The same for waits that a cancellation must not end.
    @inline(__always)
    func makeUninterruptedWaiter(for isolation: (any Actor)?) -> Waiter {
        keeps(isolation) ? makeUninterruptedWaiter() : makeGuestWaiter()
    }

    private func makeGuestWaiter() -> Waiter {
        Waiter(book: simulation == nil ? nil : waitBook)
    }

    /// Runs `operation` on this loop: in the calling task, if that is there to stay, else in one of
    /// its own.
    ///
    /// ## Cancellation
    /// Cancels the operation, and waits for it.
    nonisolated(nonsending) func perform<R: Sendable>(
        _ operation: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        if isCurrent(for: #isolation) { return try await operation() }
        return try await forward(operation)
    }

    /// Runs `operation` in a task of this loop.
    ///
    /// ## Cancellation
    /// Cancels the operation, and waits for it.
    nonisolated(nonsending) func forward<R: Sendable>(
        _ operation: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        if isStopped { throw EventLoopError.stopped }
        let handle = spawn(name: nil, operation)
        return try await withTaskCancellationHandler {
            try await handle.value
        } onCancel: {
            handle.cancel()
        }
    }
}
