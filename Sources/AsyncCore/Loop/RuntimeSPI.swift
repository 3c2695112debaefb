// Every use of what the Swift runtime does not promise: SPI and unlisted entry points, for Swift
// 6.3.
//
// What each is for, and what happens without it:
//
// - `SchedulingExecutor` routes `Task.sleep` to the loop. Without it the standard library's timers
//   run on Dispatch threads; everything else works.
// - `_createExecutors`, `MainExecutor` and `ExecutorFactory` make the whole-program mode. Without
//   them `EventLoop.runProgram` reports that it is unavailable.
// - `swift_task_getCurrent` and `swift_task_cancel` are what `withUnsafeCurrentTask` calls; called
//   directly they cost two nanoseconds instead of ninety.
// - `swift_task_addCancellationHandler` and its opposite are what `withTaskCancellationHandler` calls.
//   Called directly they need no closures, and no frames of generic functions on the task's stack.
// - The head of a task lets a task suspend without a continuation, its memory be asked for before it
//   runs, its standing waiter be found, and the same task run one piece of work after the other. It also
//   says whether the task is cancelled.
//   `swift_task_exitThreadLocalContext` is what the runtime calls of each task that suspends.
// - `csr_call` and its like call a value of function type as compiled code does, without switching
//   executors afterwards.
// - `swift_continuation_resume` is what `UnsafeContinuation.resume()` calls, which looks into the task
//   before: what looks to ThreadSanitizer like a race, if the task had not suspended yet.
// - `swift_retain` and `swift_release` keep a task that somebody may be about to cancel.
// - `swift_job_run` runs a job that prefers no executor where it is. `runSynchronously(on:)` can
//   name an executor, but not none; without it each `Task.sleep` of the loop makes a detour over a
//   thread of Swift's pool.
// - `swift_task_getJobTaskId`, `swift_task_getJobFlags` and the size of a task, which the runtime
//   exports for debuggers, tell who is who in the tree of tasks. Without them tasks have no number,
//   and child tasks no parent.
#if compiler(>=6.3) && compiler(<6.4)
    @_spi(ExperimentalScheduling) @_spi(ExperimentalCustomExecutors) internal import _Concurrency
    internal import CSwiftRuntime
    internal import Synchronization

    /// Names the current task; only good for comparison while the task lives.
    struct TaskIdentity: Equatable, Sendable {
        let address: UInt

        @inline(__always)
        static var current: TaskIdentity? {
            let address = csr_current_task()
            return address == 0 ? nil : TaskIdentity(address: address)
        }

        /// The task that an async function runs in: there always is one.
        @inline(__always)
        static var running: TaskIdentity {
            guard let current else { preconditionFailure("an async function runs in no task") }
            return current
        }

        /// Whether the current task is cancelled; false outside of tasks.
        @inline(__always)
        static var isCurrentCancelled: Bool { current?.isCancelled ?? false }

        /// Whether the task, which must be alive, is cancelled.
        @inline(__always)
        var isCancelled: Bool { csr_is_cancelled(address) }

        /// Cancels the task, which must be alive.
        func cancel() { csr_cancel(address) }

        /// Called by the task, when it goes on after ``UnsafeContinuation/resumeVisibly()``.
        func hasResumed() { csr_has_resumed(address) }

        /// Keeps the task, which must be alive, so until ``release()``.
        func retain() { csr_retain(address) }

        func release() { csr_release(address) }
    }

    /// Runs jobs that prefer no executor.
    enum RuntimeJob {
        /// Runs the job on the calling thread, now.
        @inline(__always)
        static func run(_ job: ReadyJob) { csr_run(job.address) }

        /// Brings the memory of three ready jobs nearer: of the third its head, of the second what that
        /// points to, of the first what its waiter knows, and, if it is likely to end, the rest of its stack.
        ///
        /// So, in a batch of some length, nothing is followed that was not asked for before.
        @inline(__always)
        static func prefetch(_ first: ReadyJob, _ second: ReadyJob, _ third: ReadyJob) {
            // SAFETY: whoever has set a waiter holds it; the jobs have not run.
            if let waiter = unsafe csr_prefetched_waiter(first.address) {
                unsafe Unmanaged<Waiter>.fromOpaque(waiter)._withUnsafeGuaranteedRef {
                    unsafe $0.memory.prefetch()
                    if unsafe $0.memory.isOfSpawnedTask {
                        csr_prefetch_rest_of_stack(first.address)
                    }
                }
            }
            csr_prefetch_stack(second.address)
            csr_prefetch_job(third.address)
        }
    }

    /// What ends the waits of a waiter when the calling task is cancelled; at once if it is.
    ///
    /// Its record is in the memory of the task's stack, and must be on top of it again when it is removed.
    /// A value of a generic type that is made after ``init(for:)`` must be gone by then, and one that was
    /// made before must not: so a function removes it in a `defer` that comes right after.
    @safe
    struct CancellationHandler {
        // SAFETY: whoever adds it holds the waiter until it is removed; after that nobody calls it.
        private let record: UnsafeMutableRawPointer

        /// Nil if the task is cancelled: then the waiter has been told, and there is nothing to remove.
        @inline(__always)
        init?(for waiter: Waiter) {
            guard
                let record = unsafe csr_add_cancellation_handler(
                    Unmanaged.passUnretained(waiter).toOpaque())
            else { return nil }
            unsafe self.record = record
        }

        /// When it returns, the handler is not running, and will not run.
        @inline(__always)
        func remove() { unsafe csr_remove_cancellation_handler(record) }
    }

    /// What the handler calls.
    // SAFETY: see `CancellationHandler`.
    @c(csr_waiter_is_cancelled)
    func waiterIsCancelled(_ waiter: UnsafeMutableRawPointer) {
        unsafe Unmanaged<Waiter>.fromOpaque(waiter)._withUnsafeGuaranteedRef {
            $0.requestCancellation()
        }
    }

    /// Suspending a task without a continuation.
    enum TaskParking {
        /// Runs `body` inside a task, so that tasks whose jobs it runs can park: whoever runs a job
        /// restores the task that was current before, if there was one.
        static func host(_ body: () -> Void) {
            withoutActuallyEscaping(body) { body in
                // SAFETY: the task runs on this thread, and is over when `immediate` returns.
                nonisolated(unsafe) let body = body
                nonisolated(unsafe) var isDone = false
                Task<Void, Never>.immediate {
                    unsafe body()
                    unsafe isDone = true
                }
                precondition(unsafe isDone, "the runtime did not begin a task at once")
            }
        }
    }

    /// Suspends the calling task, and calls `hasParked` with the object.
    ///
    /// The job that the task was in can then be run again. Precondition: each time, it is run inside
    /// another task.
    // SAFETY: the pointer is that of an object which the task holds.
    @_silgen_name("csr_park")
    nonisolated(nonsending) func parkTask(
        _ object: UnsafeMutableRawPointer,
        _ hasParked: @convention(c) (UnsafeMutableRawPointer) -> Void
    ) async

    /// Suspends the calling task by its standing waiter: see ``StandingWait``.
    @usableFromInline
    @_silgen_name("csr_park_waiter")
    nonisolated(nonsending) func parkTask(_ waiter: UInt) async

    /// Where the calling task goes on.
    @safe
    struct TaskPlace {
        // SAFETY: the context of the function that suspends, which is on the task's stack.
        fileprivate let context: UnsafeMutablePointer<csr_context>

        /// Suspends the task there: it goes on when `job`, which is the one it is in, runs again.
        @inline(__always)
        func suspend(_ job: ReadyJob) {
            assert(csr_current_task() == job.address, "a task parks with the job of another")
            unsafe csr_suspend(job.address, context)
        }
    }

    extension UnsafeContinuation where T == Void, E == Never {
        /// The same as ``resume()``, and the task is told in a way that ThreadSanitizer sees.
        ///
        /// The task calls ``TaskIdentity/hasResumed()`` when it goes on.
        func resumeVisibly() {
            // SAFETY: a continuation is one word, its task's address.
            csr_resume_continuation(unsafe unsafeBitCast(self, to: UInt.self))
        }
    }

    /// What ``parkTask(_:)`` calls.
    // SAFETY: a task's standing waiter is held for as long as the task has it.
    @c(csr_waiter_parks)
    func waiterParks(_ waiter: UnsafeMutableRawPointer, _ place: UnsafeMutablePointer<csr_context>)
    {
        unsafe Unmanaged<Waiter>.fromOpaque(waiter)._withUnsafeGuaranteedRef {
            $0.beginParked(unsafe TaskPlace(context: place))
        }
    }

    /// Calls an operation, without going back to the caller's executor afterwards.
    ///
    /// The operation promises to be there by itself. The compiler knows that of functions, and does not
    /// trust values of function type.
    @usableFromInline
    @_silgen_name("csr_call")
    nonisolated(nonsending) func callDirectly<Result>(
        _ operation: () async throws -> Result
    ) async throws -> Result

    /// The same for the body of a task's record.
    @_silgen_name("csr_call_body")
    nonisolated(nonsending) func callDirectly(
        _ body: (TaskRecord) async -> Void, _ record: TaskRecord
    ) async

    // For those who wait.
    extension TaskIdentity {
        /// The waiter that the task, which must be alive, uses for all its waits on one loop, if it has one.
        ///
        /// To be looked at by the task, and on that loop's thread.
        var standingWaiter: Waiter? {
            // SAFETY: whoever has set it holds it until another is set, or none.
            @inline(__always) get { unsafe unretainedStandingWaiter?.takeUnretainedValue() }
            nonmutating set {
                unsafe csr_set_waiter(
                    address, newValue.map { unsafe Unmanaged.passUnretained($0).toOpaque() })
            }
        }

        /// The same, without counting references.
        var unretainedStandingWaiter: Unmanaged<Waiter>? {
            // SAFETY: as above.
            @inline(__always) get {
                guard let waiter = unsafe csr_waiter(address) else { return nil }
                return unsafe Unmanaged<Waiter>.fromOpaque(waiter)
            }
        }
    }

    // For those who use a task again.
    extension TaskIdentity {
        /// Whether the task, which must be alive, has values of task-local variables.
        @inline(__always)
        var hasLocalValues: Bool { csr_has_local_values(address) }

        /// The priority of the task, which must be alive, and of tasks that it spawns.
        @inline(__always)
        var priority: UInt8 { csr_priority(address) }

        /// How many bytes of memory the stack of the task, the calling one, has; counted up to `limit`.
        @inline(__always)
        func stackSize(upTo limit: Int) -> Int { csr_stack_size(address, limit) }

        /// Gives a number, which no task has had, to the task: the calling one, or one that is alive
        /// and not running.
        @inline(__always)
        func setNumber(_ number: UInt64) { csr_set_number(address, number) }
    }

    // For those who ask which tasks there are.
    extension TaskIdentity {
        /// The task that a job, which has not run yet, is a step of; nil for jobs of another kind.
        init?(job: ReadyJob) {
            guard csr_is_task(job.address) else { return nil }
            self.init(address: job.address)
        }

        /// The number of the task, which must be alive: no other task of the process has it, or had
        /// it before.
        @inline(__always)
        var number: UInt64 { csr_task_id(address) }

        /// The number, as one who owns something is known by: below 2^62.
        @inline(__always)
        var ownerNumber: UInt { UInt(truncatingIfNeeded: number) }

        /// The task that this one, which must be alive, is a child of; nil if it is no child task.
        var parent: TaskIdentity? {
            let address = csr_parent(address)
            return address == 0 ? nil : TaskIdentity(address: address)
        }
    }

    extension LoopTaskExecutor: SchedulingExecutor {
        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
        ) {
            let job = UnownedJob(job)
            guard let delay = delay as? Duration else {
                preconditionFailure("the runtime asked for a delay in units other than Duration")
            }
            core.enqueue(job, at: core.deadline(after: delay))
        }

        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C
        ) {
            let job = UnownedJob(job)
            guard let delay = clock.now.duration(to: instant) as? Duration else {
                preconditionFailure("the runtime asked for a delay in units other than Duration")
            }
            core.enqueue(job, at: core.deadline(afterMeasured: delay))
        }
    }

    /// The main actor's executor in program mode: the loop, on the real main thread.
    final class ProgramMainExecutor: MainExecutor {
        let core: LoopCore

        init(core: LoopCore) { self.core = core }

        func enqueue(_ job: consuming ExecutorJob) {
            core.enqueue(ReadyJob(UnownedJob(job), on: .main))
        }
        func checkIsolated() {
            precondition(core.isCurrent, "not on the main actor: not on the program's event loop")
        }
        func isIsolatingCurrentContext() -> Bool? { core.isCurrent }

        // The runtime calls these for an async main, which cannot get here: `runProgram` refuses
        // it.
        func run() throws { throw EventLoopError.programModeUnavailable(.calledFromAsyncCode) }
        func stop() {}
    }

    /// Whole-program mode: the loop becomes the default executor of every task, and the main
    /// actor's.
    enum ProgramExecutors {
        // SAFETY: a lock guards each access; the factory's members are asked for while `install`
        // runs.
        private static let installed = Mutex<Installed?>(nil)

        private struct Installed: Sendable {
            let task: LoopTaskExecutor
            let main: ProgramMainExecutor
        }

        private enum Factory: ExecutorFactory {
            static var mainExecutor: any MainExecutor { current.main }
            static var defaultExecutor: any TaskExecutor { current.task }

            private static var current: Installed {
                guard let installed = installed.withLock({ $0 }) else {
                    preconditionFailure("the runtime asked for executors that were not installed")
                }
                return installed
            }
        }

        /// Makes `loop` the process's default and main executor, and checks that the runtime obeys.
        ///
        /// The executors are never taken away again, nor freed: the runtime has no way to say that
        /// nobody uses them any more.
        static func install(_ loop: EventLoop) throws {
            let executors = Installed(
                task: loop.loopTaskExecutor, main: ProgramMainExecutor(core: loop.core))
            let isFirst = installed.withLock { current in
                if current != nil { return false }
                current = executors
                return true
            }
            guard isFirst else { throw EventLoopError.programModeUnavailable(.usedBefore) }
            loop.core.setMainExecutor(executors.main)
            _createExecutors(factory: Factory.self)
            // The self-check: a task without a preference must have come to us by the time it was
            // made.
            let before = loop.core.enqueuedByThisThread
            Task {}
            guard loop.core.enqueuedByThisThread > before else {
                throw EventLoopError.programModeUnavailable(.runtimeRefused)
            }
        }
    }
#else
    #error(
        "RuntimeSPI.swift knows Swift 6.3 only: see its header, and docs/runtime-spi.md, before adding another."
    )
#endif
