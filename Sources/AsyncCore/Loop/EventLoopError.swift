// What can be wrong with the use of a loop, as opposed to the world's errors (IOError).

/// A loop that cannot be used as it was asked to.
public enum EventLoopError: Error, Equatable, Sendable, CustomStringConvertible {
    /// ``EventLoop/run(configuration:_:)`` or one of its kin was called on a thread that is running
    /// a loop.
    case alreadyRunning

    /// The loop has been asked to stop, or has stopped.
    case stopped

    /// The call would wait for the very loop that it runs on.
    case wouldDeadlock

    /// The loop did not answer in time: it is stuck in a job, or nobody runs it.
    ///
    /// In debug mode with the job that it is running.
    case unresponsive(EventLoop.RunningJob?)

    /// A signal ended the run: the main body was cancelled, and ended in that cancellation.
    case interrupted(Signal)

    /// ``EventLoop/runProgram(configuration:_:)`` cannot take over the process.
    case programModeUnavailable(ProgramModeObstacle)

    /// Why the program mode is unavailable.
    public enum ProgramModeObstacle: Equatable, Sendable {
        /// It was called from async code, an `async` main for instance: the runtime's executors
        /// exist already.
        case calledFromAsyncCode
        /// It was called from a thread that is not the main thread.
        case notOnMainThread
        /// It was called before in this process.
        case usedBefore
        /// The runtime kept its own executors: it is not the one that this was made for.
        case runtimeRefused
        /// Tasks were started before it: the threads of Swift's own pool exist already.
        case tooLate
    }

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .alreadyRunning:
            "an event loop is running on this thread already; await the work instead of running another loop"
        case .stopped:
            "the event loop has stopped"
        case .wouldDeadlock:
            "this would wait for the event loop that it runs on; ask for the stop with stop(), or wait elsewhere"
        case .unresponsive(let job):
            "the event loop does not answer: "
                + (job.map { "it has been running \($0.task) for \($0.duration)" }
                    ?? "it is stuck in a job, or nobody runs it")
        case .interrupted(let signal):
            "interrupted by \(signal)"
        case .programModeUnavailable(let obstacle):
            "EventLoop.runProgram cannot take over the process: " + Self.describe(obstacle)
        }
    }

    private static func describe(_ obstacle: ProgramModeObstacle) -> String {
        switch obstacle {
        case .calledFromAsyncCode: "call it from a synchronous main, not from async code"
        case .notOnMainThread: "call it on the main thread"
        case .usedBefore: "it was used before in this process"
        case .runtimeRefused: "the Swift runtime kept its own executors; use EventLoop.run"
        case .tooLate: "tasks were started before it; call it first, or use EventLoop.run"
        }
    }
}
