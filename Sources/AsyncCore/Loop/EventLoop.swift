// The public face of a loop: what can be done with it from anywhere.
internal import Synchronization

/// An event loop on one thread: it runs Swift tasks, and waits for descriptors and deadlines in one
/// place.
///
/// Make one in the way that suits the program:
///
/// - ``run(configuration:_:)`` runs a loop on the calling thread until an async body ends.
/// - ``runProgram(configuration:_:)`` does so for a whole program, with everything on its one
///   thread.
/// - ``start(name:configuration:)`` gives a loop a thread of its own.
/// - ``init(configuration:)`` makes a loop that another event loop drives; see
///   ``runReady(maxJobs:)``.
///
/// A turn does, in this order: take what other threads sent; run ready jobs, within bounds; ask the
/// kernel; note due timers in order of deadline; note readiness. Tasks of the loop never run in
/// parallel with each other.
///
/// ## Isolation
/// *Any task*, any thread, unless a member says otherwise.
public final class EventLoop: Sendable {
    let core: LoopCore
    let ending = EndSignal()
    let loopTaskExecutor: LoopTaskExecutor
    private let loopSerialExecutor: LoopSerialExecutor

    /// Runs tasks on the loop: for `Task(executorPreference:)` and `withTaskExecutorPreference`.
    ///
    /// A task keeps it alive. Prefer `spawn`, which the loop also
    /// cancels and awaits at its end.
    public var taskExecutor: any TaskExecutor { loopTaskExecutor }

    /// Isolates actors to the loop.
    ///
    /// An actor that returns it as its `unownedExecutor` must itself hold the loop, as the runtime
    /// does not:
    ///
    /// ```swift
    /// actor Counter {
    ///     let loop: EventLoop
    ///     nonisolated var unownedExecutor: UnownedSerialExecutor {
    ///         loop.serialExecutor.asUnownedSerialExecutor()
    ///     }
    /// }
    /// ```
    /// Ordinary actors called from the loop's tasks run on the loop by themselves, and cost less.
    public var serialExecutor: any SerialExecutor { loopSerialExecutor }

    /// Makes a loop that somebody else's loop drives through ``runReady(maxJobs:)``.
    ///
    /// - Throws: ``IOError`` with `.resourcesExhausted` when there are too few descriptors (a loop
    ///   takes three).
    public init(configuration: Configuration = .init()) throws {
        precondition(configuration.jobsPerTurn >= 1, "jobsPerTurn must be at least 1")
        do throws(SystemError) {
            core = try LoopCore(configuration: configuration)
        } catch {
            throw IOError(error, operation: "start an event loop")
        }
        loopTaskExecutor = LoopTaskExecutor(core: core)
        loopSerialExecutor = LoopSerialExecutor(core: core, taskExecutor: loopTaskExecutor)
        core.setExecutors(task: loopTaskExecutor, serial: loopSerialExecutor)
        core.face = self
        // From the start, so that what is sent before the first turn makes the descriptor readable.
        _ = core.inbox.prepareToSleep()
    }

    /// The loop that runs the calling code, if any.
    public static var current: EventLoop? { LoopCore.current?.face }

    /// Whether the calling code runs on this loop.
    public var isCurrent: Bool { core.isCurrent }

    /// Whether the loop has been asked to stop, or has stopped.
    public var isStopping: Bool { core.isStopping }

    /// The loop's clock: monotonic time, as nanoseconds since an arbitrary moment.
    public var nowNanoseconds: UInt64 { core.poller.now }

    /// Asks the loop to end, and returns at once.
    ///
    /// Its tasks are cancelled and awaited; then operations that still wait fail with
    /// ``EventLoopError/stopped``, and new ones fail at once. Calling it again does nothing.
    public func stop() { core.requestStop() }

    /// Asks the loop to end, and waits until it has.
    ///
    /// ## Cancellation
    /// Ends the wait with `CancellationError`; the loop ends all the same.
    ///
    /// - Throws: ``EventLoopError/wouldDeadlock`` when called on the loop itself.
    public nonisolated(nonsending) func shutdown() async throws {
        core.requestStop()
        if isCurrent { throw EventLoopError.wouldDeadlock }
        try await LoopCore.waiting(for: core) { try await ending.wait() }
    }

    /// Asks the loop to end, and blocks the calling thread until it has.
    ///
    /// For synchronous code.
    ///
    /// - Throws: ``EventLoopError/wouldDeadlock`` when called on any running loop's thread, which
    ///   would block that loop.
    public func shutdownAndWait() throws {
        core.requestStop()
        if LoopCore.current != nil { throw EventLoopError.wouldDeadlock }
        ending.waitBlocking()
    }
}
