// Waiting for several tasks at once: what the forms of gather share.

/// A task handle of any type.
protocol Joinable: Sendable {
    var record: TaskRecord { get }
    @discardableResult func cancel() -> Bool
    /// Waits until the task has ended; not a cancellation point.
    nonisolated(nonsending) func join() async -> (any Error)?
    /// The same, for those who do not look at the result.
    nonisolated(nonsending) func waitForEnd() async
}

extension TaskHandle: Joinable {
    nonisolated(nonsending) func join() async -> (any Error)? {
        if case .failure(let error) = await result { return error }
        return nil
    }

    nonisolated(nonsending) func waitForEnd() async { _ = await task.result }
}

enum TaskJoin {
    /// Waits until all tasks have ended; with `stopAtFirstError`, the first error cancels the
    /// others.
    ///
    /// Either way all tasks have ended when this returns. A cancellation of the caller cancels
    /// them.
    ///
    /// - Returns: the error that came first, if `stopAtFirstError`; `CancellationError` if the
    ///   caller was cancelled and at least one task did not end well because of that.
    nonisolated(nonsending) static func all(
        _ tasks: [any Joinable], stopAtFirstError: Bool
    ) async -> (any Error)? {
        if tasks.isEmpty { return nil }
        for task in tasks {
            task.record.markObserved()
            task.record.checkAwaiter(TaskIdentity.current)
        }
        if let core = LoopCore.current, core.keeps(#isolation),
            tasks.allSatisfy({ $0.record.belongs(to: core) })
        {
            return await onLoop(core, tasks, stopAtFirstError)
        }
        return await anywhere(tasks, stopAtFirstError)
    }

    private nonisolated(nonsending) static func onLoop(
        _ core: LoopCore, _ tasks: [any Joinable], _ stopAtFirstError: Bool
    ) async -> (any Error)? {
        let observer = Observer(stopAtFirstError: stopAtFirstError)
        let outcome = await observer.wait(for: tasks, core)
        if outcome == .completed, observer.firstFailed == nil { return nil }
        if outcome != .completed || stopAtFirstError {
            for task in tasks { task.cancel() }
        }
        // All have ended, or will soon: there is nothing left to interrupt.
        var first: (any Error)?
        for task in tasks {
            let error = await task.join()
            if let error, first == nil,
                task.record === observer.firstFailed || observer.firstFailed == nil
            {
                first = error
            }
        }
        return first
    }

    private nonisolated(nonsending) static func anywhere(
        _ tasks: [any Joinable], _ stopAtFirstError: Bool
    ) async -> (any Error)? {
        await withTaskCancellationHandler {
            await withTaskGroup(of: (any Error)?.self) { group in
                for task in tasks { group.addTask { await task.join() } }
                var first: (any Error)?
                for await error in group where error != nil && first == nil {
                    first = error
                    if stopAtFirstError { for task in tasks { task.cancel() } }
                }
                return first
            }
        } onCancel: {
            for task in tasks { task.cancel() }
        }
    }

    /// Counts tasks down.
    ///
    /// Loop thread only.
    private final class Observer: TaskObserver {
        private let stopAtFirstError: Bool
        private var remaining = 0
        private var waiter: Waiter?
        private(set) var firstFailed: TaskRecord?
        private(set) var waitingTask: TaskIdentity?

        init(stopAtFirstError: Bool) { self.stopAtFirstError = stopAtFirstError }

        nonisolated(nonsending) func wait(
            for tasks: [any Joinable], _ core: LoopCore
        ) async -> Waiter.Outcome {
            let waiter = core.makeWaiter()
            guard waiter.begin("gather") else { return .cancelled }
            for task in tasks {
                if task.record.observe(self) {
                    remaining += 1
                } else if task.record.endedInError, firstFailed == nil {
                    firstFailed = task.record
                }
            }
            if isOver {
                waiter.abandon()
                core.recycle(waiter)
                return .completed
            }
            self.waiter = waiter
            waitingTask = TaskIdentity.current
            let outcome = await waiter.wait()
            waitingTask = nil
            self.waiter = nil
            core.recycle(waiter)
            return outcome
        }

        private var isOver: Bool { remaining == 0 || (stopAtFirstError && firstFailed != nil) }

        func taskFinished(_ record: TaskRecord) {
            remaining -= 1
            if record.endedInError, firstFailed == nil { firstFailed = record }
            if isOver, let waiter {
                self.waiter = nil
                waiter.resolve(.completed)
            }
        }
    }
}
