// Waiting for several tasks at once: what the forms of gather share.

@usableFromInline
enum TaskJoin {
    /// Waits until all tasks have ended, all of them well; the first error cancels the others, and is
    /// thrown when all have ended.
    @usableFromInline
    nonisolated(nonsending) static func values(_ tasks: [TaskRecord]) async throws {
        if let error = await all(tasks, stopAtFirstError: true) { throw error }
    }

    /// Waits until all tasks have ended; with `stopAtFirstError`, the first error cancels the
    /// others.
    ///
    /// Either way all tasks have ended when this returns. A cancellation of the caller cancels
    /// them.
    ///
    /// - Returns: the error that came first, if `stopAtFirstError`; `CancellationError` if the
    ///   caller was cancelled and at least one task did not end well because of that.
    nonisolated(nonsending) static func all(
        _ tasks: [TaskRecord], stopAtFirstError: Bool
    ) async -> (any Error)? {
        if tasks.isEmpty { return nil }
        for task in tasks {
            task.markObserved()
            task.checkAwaiter()
        }
        if let core = LoopCore.current, core.keeps(#isolation),
            tasks.allSatisfy({ $0.belongs(to: core) })
        {
            return await onLoop(core, tasks, stopAtFirstError)
        }
        return await anywhere(tasks, stopAtFirstError)
    }

    private nonisolated(nonsending) static func onLoop(
        _ core: LoopCore, _ tasks: [TaskRecord], _ stopAtFirstError: Bool
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
            await task.waitForEnd()
            if let error = task.error, first == nil,
                task === observer.firstFailed || observer.firstFailed == nil
            {
                first = error
            }
        }
        return first
    }

    private nonisolated(nonsending) static func anywhere(
        _ tasks: [TaskRecord], _ stopAtFirstError: Bool
    ) async -> (any Error)? {
        await withTaskCancellationHandler {
            await withTaskGroup(of: (any Error)?.self) { group in
                for task in tasks {
                    group.addTask {
                        await task.waitForEnd()
                        return task.error
                    }
                }
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
    private final class Observer: TaskObserver, @unchecked Sendable {
        // SAFETY: it observes tasks of one loop, on whose thread all is called.
        private let stopAtFirstError: Bool
        private var remaining = 0
        private var waiter: Waiter?
        private(set) var firstFailed: TaskRecord?
        private var waiting: TaskIdentity?

        override var waitingTask: TaskIdentity? { waiting }

        init(stopAtFirstError: Bool) { self.stopAtFirstError = stopAtFirstError }

        nonisolated(nonsending) func wait(
            for tasks: [TaskRecord], _ core: LoopCore
        ) async -> Waiter.Outcome {
            let waiter = core.makeWaiter()
            guard waiter.begin("gather") else { return .cancelled }
            for task in tasks {
                if task.observe(self) {
                    remaining += 1
                } else if task.error != nil, firstFailed == nil {
                    firstFailed = task
                }
            }
            if isOver {
                waiter.abandon()
                core.recycle(waiter)
                return .completed
            }
            self.waiter = waiter
            waiting = TaskIdentity.current
            let outcome = await waiter.wait()
            waiting = nil
            self.waiter = nil
            core.recycle(waiter)
            return outcome
        }

        private var isOver: Bool { remaining == 0 || (stopAtFirstError && firstFailed != nil) }

        override func taskFinished(_ record: TaskRecord) {
            remaining -= 1
            if record.error != nil, firstFailed == nil { firstFailed = record }
            if isOver, let waiter {
                self.waiter = nil
                waiter.resolve(.completed)
            }
        }
    }
}
