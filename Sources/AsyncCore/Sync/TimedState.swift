// State that tasks wait on until it changes, or a moment comes: what tickers, delay queues and
// waits for several tasks stand on.
//
// Everybody who waits is woken by a change, and looks again under the lock. Nothing is ever handed
// over, so one that was woken and then cancelled has nothing to give back. Few tasks wait for one
// of these at a time.

/// The state of a ``Monitor`` on which tasks wait with a deadline.
protocol TimedState: Sendable {
    /// Those who wait for a change.
    var watchers: WaiterQueue<Void, Void> { get }
}

/// What a look at a ``TimedState`` gave.
enum Look<Answer> {
    case answer(Answer)
    /// Not yet: look again after a change, or when the deadline (monotonic nanoseconds) has passed.
    case later(deadline: UInt64)
}

extension Monotonic {
    /// Now, on the clock of the loop that runs the caller, or else the system's.
    static var now: UInt64 { LoopCore.current?.poller.now ?? ThreadCondition.now }

    /// The deadline of an optional timeout from now.
    static func deadline(after timeout: Duration?) -> UInt64 {
        timeout.map { adding($0, to: now) } ?? never
    }
}

extension Monitor where State: TimedState {
    /// Changes the state, and wakes all who wait, unless `body` sets `isNews` to false.
    @discardableResult
    func change<R, E: Error>(
        _ body: (inout State, _ isNews: inout Bool) throws(E) -> R
    ) throws(E) -> R {
        try withLock { state, wakeups throws(E) -> R in
            var isNews = true
            let result = try body(&state, &isNews)
            if isNews { state.watchers.grantAll((), &wakeups) }
            return result
        }
    }

    /// Looks until there is an answer, and waits between two looks.
    ///
    /// On a loop the deadline is a timer of the loop, and the wait fails when the loop stops;
    /// elsewhere a task that sleeps stands in for the timer.
    ///
    /// ## Cancellation
    /// *No effect*: what an answer takes out of the state is taken by that answer alone.
    ///
    /// - Parameters:
    ///   - description: What is waited for, for diagnosis.
    ///   - look: Runs under the lock. Must change nothing that matters if it has no answer.
    /// - Returns: The answer.
    /// - Throws: `CancellationError`; ``EventLoopError/stopped``; what `look` throws.
    nonisolated(nonsending) func wait<Answer>(
        _ description: StaticString, _ look: (inout State, _ now: UInt64) throws -> Look<Answer>
    ) async throws -> Answer {
        if TaskIdentity.isCurrentCancelled { throw CancellationError() }
        var core = LoopCore.current(for: description, in: #isolation)
        if case .answer(let answer) = try self.look(look, nil) {
            if let core, !core.spendBudget() { await core.yield() }
            return answer
        }
        while true {
            if let core, core.isStopped { throw EventLoopError.stopped }
            let waiter = core?.makeWaiter(for: #isolation) ?? Waiter()
            guard waiter.begin(description) else { throw CancellationError() }
            let place = WaiterQueue<Void, Void>.Place((), waiter)
            switch try announce(place, waiter, core, look) {
            case .answer(let answer):
                return answer
            case .later(let deadline):
                let outcome = await Self.suspend(waiter, core, deadline)
                withLock { _ in place.leave() }
                core?.recycle(waiter)
                try LoopCore.check(outcome)
                if TaskIdentity.isCurrentCancelled { throw CancellationError() }
                // An actor's code may have gone on elsewhere.
                core = LoopCore.current(for: description, in: #isolation)
            }
        }
    }

    /// Looks with a place to queue, which is given up if there is an answer, or an error.
    private func announce<Answer>(
        _ place: WaiterQueue<Void, Void>.Place, _ waiter: Waiter, _ core: LoopCore?,
        _ look: (inout State, _ now: UInt64) throws -> Look<Answer>
    ) throws -> Look<Answer> {
        var isWaiting = false
        defer {
            if !isWaiting {
                place.giveUp()
                core?.recycle(waiter)
            }
        }
        let seen = try self.look(look, place)
        if case .later = seen { isWaiting = true }
        return seen
    }

    /// Looks once; without an answer the place, if there is one, is among those who are woken.
    private func look<Answer>(
        _ look: (inout State, _ now: UInt64) throws -> Look<Answer>,
        _ place: WaiterQueue<Void, Void>.Place?
    ) throws -> Look<Answer> {
        let now = Monotonic.now
        return try withLock { state in
            let seen = try look(&state, now)
            if case .later = seen { state.watchers.append(place) }
            return seen
        }
    }

    private nonisolated(nonsending) static func suspend(
        _ waiter: Waiter, _ core: LoopCore?, _ deadline: UInt64
    ) async -> Waiter.Outcome {
        if let core { return await core.wait(waiter, until: deadline) }
        if deadline == Monotonic.never { return await waiter.wait() }
        let delay = Monotonic.duration(from: Monotonic.now, to: deadline)
        // The waiter serves this wait alone, so a timer that comes too late finds it over.
        let timer = Task.detached {
            try? await Task.sleep(for: delay)
            waiter.resolve(.completed)
        }
        defer { timer.cancel() }
        return await waiter.wait()
    }
}
