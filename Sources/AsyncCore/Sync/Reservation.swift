// A place in a queue that is taken before the wait begins.

/// A place that a task has taken in a queue, to wait in it later: so that what is granted between
/// the two is not missed.
///
/// Made by ``Monitor/reserve(_:_:in:)``. Whoever makes one waits with it, or gives it up, in the
/// end: nothing else takes it out of the queue.
///
/// ## Isolation
/// *Any task*, one at a time.
public final class Reservation<State: Sendable, Request: Sendable, Grant: Sendable>:
    @unchecked Sendable
{
    // SAFETY: `place` is guarded by the monitor's lock until its wait is over; `isUsed` is, too.
    private let monitor: Monitor<State>
    private let waiter: Waiter
    private let place: WaiterQueue<Request, Grant>.Place
    private var isUsed = false

    fileprivate init(
        _ monitor: Monitor<State>, _ waiter: Waiter, _ place: WaiterQueue<Request, Grant>.Place
    ) {
        self.monitor = monitor
        self.waiter = waiter
        self.place = place
    }

    /// Waits for the grant; at once, if it was made already.
    ///
    /// ## Cancellation
    /// *Loses its place*: the reservation is given up. A grant made before is returned all the same.
    ///
    /// - Returns: What was granted.
    /// - Throws: `CancellationError`; the error that the wait was failed with.
    /// - Precondition: The reservation was not used before.
    public nonisolated(nonsending) func wait() async throws -> Grant {
        if begin() {
            waiter.abandon()
            if let core = LoopCore.current, !core.spendBudget() { await core.yield() }
            return try place.take()
        }
        if await waiter.wait() == .completed { return try place.take() }
        monitor.withLock { _ in place.leave() }
        throw CancellationError()
    }

    /// Takes the place out of its queue.
    ///
    /// - Returns: What was granted before, for the caller to pass on; nil if nothing was, or the
    ///   reservation was used already.
    public func giveUp() -> Grant? {
        let wasUsed = monitor.withLock { _ in
            place.leave()
            defer { isUsed = true }
            return isUsed
        }
        // Nobody can grant any more: either somebody has, or nobody will.
        return wasUsed || !place.isGranted ? nil : try? place.take()
    }

    /// Notes that the reservation is used, and tells whether something was granted already.
    private func begin() -> Bool {
        let (wasUsed, isGranted) = monitor.withLock { _ in
            defer { isUsed = true }
            return (isUsed, place.isGranted)
        }
        precondition(!wasUsed, "a reservation serves one wait")
        return isGranted
    }
}

extension Monitor {
    /// Takes a place in a queue without waiting yet.
    ///
    /// - Parameters:
    ///   - description: What will be waited for, for diagnosis.
    ///   - request: What those who grant can see of the wait.
    ///   - decide: Runs under the lock: appends the place to a queue of the state, or grants it
    ///     something at once.
    /// - Returns: The reservation, which holds the place.
    public func reserve<Request, Grant>(
        _ description: StaticString, _ request: Request,
        in decide: (inout State, inout Wakeups, WaiterQueue<Request, Grant>.Place) -> Void
    ) -> Reservation<State, Request, Grant> {
        // Not the task's standing waiter: the task may wait for something else in between.
        let waiter = Waiter(book: LoopCore.current?.waitBook)
        _ = waiter.begin(description)
        let place = WaiterQueue<Request, Grant>.Place(request, waiter)
        withLock { state, wakeups in decide(&state, &wakeups, place) }
        return Reservation(self, waiter, place)
    }
}
