// How a loop is set up.

extension EventLoop {
    /// How a loop is set up.
    ///
    /// A value; the defaults suit servers and tools alike.
    public struct Configuration: Sendable {
        /// How many jobs one turn runs at most, before the kernel is asked again.
        ///
        /// At least 1; 1,000 by default.
        public var jobsPerTurn = 1_000

        /// How long one turn runs jobs at most, before the kernel is asked again; 1 ms by default.
        ///
        /// Looked at after every 32 jobs; a single job is never interrupted.
        public var turnDuration: Duration = .milliseconds(1)

        /// The signals that end ``EventLoop/run(configuration:_:)`` and
        /// ``EventLoop/runProgram(configuration:_:)``.
        ///
        /// The first one cancels the main body, a second one ends the process, even if the loop is
        /// stuck. Signals that have a handler already, or are ignored, stay as they are. Only
        /// SIGINT by default; services add ``Signal/terminate``.
        public var interruptSignals: [Signal] = [.interrupt]

        /// Is told of an error that ended a spawned task, when nobody can look at it any more.
        ///
        /// Called on the loop's thread, or, when the last handle goes after the loop's end, on the
        /// thread of late jobs; must not block. Writes one line to standard error by default.
        public var onUnhandledError: @Sendable (_ error: any Error, _ task: String?) -> Void = {
            error, task in
            let name = task.map { "'\($0)'" } ?? "without a name"
            writeLineToStandardError(
                "AsyncCore: a task \(name) failed, and nobody looked at its error: \(error)")
        }

        /// Whether the loop looks for common mistakes, and tells ``onDiagnosis`` of them; see
        /// ``Diagnosis``.
        ///
        /// For development: it costs about 200 ns a job, and as much for each task. True by default
        /// if the environment has `ASYNCCORE_DEBUG=1`.
        public var debug = DebugMode.isDefault

        /// From which duration on a single job is a slow one, in debug mode; 100 ms by default.
        public var slowJobThreshold: Duration = .milliseconds(100)

        /// Is told of mistakes that the loop finds in debug mode.
        ///
        /// Called on the loop's thread, or on the thread that made the mistake; must not block.
        /// Writes to standard error by default.
        public var onDiagnosis: @Sendable (_ diagnosis: Diagnosis) -> Void = { diagnosis in
            writeLineToStandardError("AsyncCore: \(diagnosis)")
        }

        /// What the loop is called, by those who show it.
        var name: String?

        /// The system calls that the loop uses.
        ///
        /// Tests replace them.
        var systemCalls = SystemCalls.kernel

        /// Time and order under test; nil for a loop that works.
        package var simulation: SimulationOptions?

        /// Whether spawned tasks share tasks of the runtime although they should inherit task-local
        /// values, which they then do without.
        ///
        /// For tests, whose framework binds such a value to each of them.
        package var dropsTaskLocalValues = false

        /// The default configuration.
        public init() {}

        var turnNanoseconds: UInt64 { Monotonic.adding(turnDuration, to: 0) }
    }
}
