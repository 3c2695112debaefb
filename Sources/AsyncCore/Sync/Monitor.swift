// A lock with the state that it guards, under which tasks are queued, and handed what they wait for.

/// State that tasks share, and wait for: what every primitive of AsyncCore is made of.
///
/// A monitor (Hoare 1974) guards a value and the ``WaiterQueue``s that are kept with it. Everything
/// is decided in one critical section: whether a task must wait, and who is handed what a release
/// gave back. So nothing is lost between the look and the wait, and nobody can come in between.
/// Tasks that were handed something are made ready after the lock is let go; nothing ever resumes,
/// or runs code of somebody else's, while it is held.
///
/// A lock for tasks, in full:
///
/// ```swift
/// struct TurnState: Sendable {
///     var isTaken = false
///     let queue = WaiterQueue<Void, Void>()
/// }
///
/// final class Turn: Sendable {
///     private let monitor = Monitor(TurnState())
///
///     func take() async throws {
///         try await monitor.wait("Turn.take", ()) { state, _, place in
///             if !state.isTaken {
///                 state.isTaken = true
///                 return ()  // taken without waiting
///             }
///             state.queue.append(place)
///             return nil
///         }
///         // Handed over and cancelled in one: the turn goes on to the next.
///         if Task.isCancelled {
///             give()
///             throw CancellationError()
///         }
///     }
///
///     func give() {
///         monitor.withLock { state, wakeups in
///             if !state.queue.grantFirst((), &wakeups) { state.isTaken = false }
///         }
///     }
/// }
/// ```
///
/// ## Isolation
/// *Any task*, any thread; knows no loop. A task that waits resumes on its own executor.
public final class Monitor<State: Sendable>: @unchecked Sendable {
    // SAFETY: `state`, and the queues and places that are used with this monitor, are guarded by
    // `lock`.
    @usableFromInline let lock = ThreadLock()
    @exclusivity(unchecked) @usableFromInline var state: State

    /// A monitor with its state at the beginning.
    @inlinable
    public init(_ state: State) { unsafe self.state = state }

    /// Runs `body` with the state, alone, and then makes those ready that it handed something to.
    ///
    /// `body` must be short. It must not call anything that may come back to the monitor, nor let
    /// go of the last reference to an object of somebody else's: return such values instead.
    ///
    /// - Parameter body: Reads and changes the state; grants through the wake-ups.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    @inlinable @inline(__always)
    public func withLock<R, E: Error>(
        _ body: (inout State, inout Wakeups) throws(E) -> R
    ) throws(E) -> R {
        var wakeups = Wakeups()
        lock.lock()
        let result: R
        do throws(E) {
            result = try unsafe body(&state, &wakeups)
        } catch {
            lock.unlock()
            wakeups.resume()
            throw error
        }
        lock.unlock()
        wakeups.resume()
        return result
    }

    /// Reads or changes the state, alone.
    ///
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    @inlinable @inline(__always)
    public func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        lock.lock()
        defer { lock.unlock() }
        return try unsafe body(&state)
    }

    /// Runs `body` with the state, alone, and lets go of what it returns once the lock is free.
    ///
    /// For values whose deinit may be code of the user's. Discarding the result of `withLock`
    /// would not do: the optimiser may then end their life where they are last used, in `body`.
    ///
    /// - Parameter body: As for `withLock`.
    /// - Throws: What `body` throws.
    @inlinable @inline(__always)
    public func withLockReleasing<R, E: Error>(
        _ body: (inout State, inout Wakeups) throws(E) -> R
    ) throws(E) {
        let released = try withLock(body)
        withExtendedLifetime(released) {}
    }

    /// Takes what is there, or waits in a queue until it is handed over.
    ///
    /// `decide` runs under the lock, once without a place and, if that gave nothing, once with one.
    /// It returns what the task gets at once; or it appends the place to a queue of the state, and
    /// returns nil. (Appending no place does nothing, so it need not ask.)
    ///
    /// A task that was handed something gets it, even if it was cancelled before it ran: what is
    /// handed over is never lost. Where grants are permits, the caller then looks at the
    /// cancellation, and passes the permit on.
    ///
    /// ## Cancellation
    /// *Loses its place*: the task leaves its queue, and `onLeave` runs under the lock, in which
    /// those behind it may be served.
    ///
    /// - Parameters:
    ///   - description: What is waited for, for diagnosis: "AsyncLock.lock".
    ///   - request: What those who grant can see of the wait; how many permits, say.
    ///   - hasLooked: True if the caller has looked already, at an atomic variable, say, and will
    ///     hardly get anything at once: then `decide` runs only once, with a place.
    ///   - decide: Takes, or queues.
    ///   - onLeave: Called if the wait was cancelled, after the place has left its queue.
    /// - Returns: What was taken, or granted.
    /// - Throws: `CancellationError`; what `decide` throws; the error that the wait was failed with.
    public nonisolated(nonsending) func wait<Request, Grant>(
        _ description: StaticString, _ request: Request, hasLooked: Bool = false,
        until decide: (inout State, inout Wakeups, WaiterQueue<Request, Grant>.Place?) throws ->
            Grant?,
        onLeave: (inout State, inout Wakeups) -> Void = { _, _ in }
    ) async throws -> Grant {
        if TaskIdentity.isCurrentCancelled { throw CancellationError() }
        let core = LoopCore.current(for: description, in: #isolation)
        if !hasLooked, let grant = try withLock({ try decide(&$0, &$1, nil) }) {
            if let core, !core.spendBudget() { await core.yield() }
            return grant
        }
        let waiter = core?.makeWaiter(for: #isolation) ?? Waiter()
        guard waiter.begin(description) else { throw CancellationError() }
        var place = WaiterQueue<Request, Grant>.Place.make(request, waiter)
        if let grant = try queue(place, decide, waiter, core) {
            if let core, !core.spendBudget() { await core.yield() }
            return grant
        }
        let outcome = await waiter.wait()
        defer {
            WaiterQueue.Place.recycle(&place, waiter)
            core?.recycle(waiter)
        }
        if outcome == .completed { return try place.take() }
        withLock { state, wakeups in
            place.leave()
            onLeave(&state, &wakeups)
        }
        throw CancellationError()
    }

    /// The same for a wait that nothing but its grant may end: no cancellation is looked at.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    ///
    /// - Parameters:
    ///   - description: What is waited for, for diagnosis.
    ///   - request: What those who grant can see of the wait.
    ///   - decide: Takes, or queues.
    /// - Returns: What was taken, or granted.
    /// - Throws: What `decide` throws; the error that the wait was failed with.
    public nonisolated(nonsending) func waitUninterrupted<Request, Grant>(
        _ description: StaticString, _ request: Request,
        until decide: (inout State, inout Wakeups, WaiterQueue<Request, Grant>.Place?) throws ->
            Grant?
    ) async throws -> Grant {
        if let grant = try withLock({ try decide(&$0, &$1, nil) }) { return grant }
        let core = LoopCore.current(for: description, in: #isolation)
        let waiter = core?.makeUninterruptedWaiter(for: #isolation) ?? Waiter()
        _ = waiter.begin(description)
        var place = WaiterQueue<Request, Grant>.Place.make(request, waiter)
        if let grant = try queue(place, decide, waiter, core) { return grant }
        _ = await waiter.waitUninterrupted()
        defer {
            WaiterQueue.Place.recycle(&place, waiter)
            core?.recycle(waiter)
        }
        return try place.take()
    }

    /// The look with a place to queue; a grant if there was no need to.
    private func queue<Request, Grant>(
        _ place: WaiterQueue<Request, Grant>.Place,
        _ decide: (inout State, inout Wakeups, WaiterQueue<Request, Grant>.Place?) throws -> Grant?,
        _ waiter: Waiter, _ core: LoopCore?
    ) throws -> Grant? {
        var isWaiting = false
        defer {
            if !isWaiting {
                place.giveUp()
                core?.recycle(waiter)
            }
        }
        let grant = try withLock { try decide(&$0, &$1, place) }
        isWaiting = grant == nil
        return grant
    }
}
