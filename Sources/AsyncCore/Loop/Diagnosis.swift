// What a loop has to say about the program in debug mode.

extension EventLoop {
    /// A mistake that a loop has found in debug mode; see ``Configuration/debug``.
    public enum Diagnosis: Sendable, Equatable, CustomStringConvertible {
        /// A job ran for longer than ``Configuration/slowJobThreshold``, and kept all others waiting.
        ///
        /// A job is what a task does from one suspension to the next.
        case slowJob(RunningJob)

        /// A task of the loop called an operation of AsyncCore elsewhere, or a task that it made
        /// with `Task {}` did.
        case leftLoop(LeftLoop)

        /// What is wrong, and what to do about it.
        public var description: String {
            switch self {
            case .slowJob(let job):
                "\(job.task) ran for \(job.duration) without letting others run"
            case .leftLoop(let left): left.description
            }
        }
    }

    /// A job, and how long it has been running.
    public struct RunningJob: Sendable, Equatable {
        /// Whose job: the task's name and number, if it is known.
        public var task: String

        /// For how long it ran, or has been running.
        public var duration: Duration
    }

    /// An operation of AsyncCore that was called by code that belongs to a loop, and runs on none.
    public struct LeftLoop: Sendable, Equatable, CustomStringConvertible {
        /// The operation.
        public var operation: String

        /// The task that called it: its name and number.
        public var task: String

        /// The task of the loop that the caller comes from.
        ///
        /// It is the caller itself if that has changed threads; otherwise the caller was made in it.
        public var origin: String

        /// What is wrong, and what to do about it.
        public var description: String {
            if task == origin {
                return """
                    \(task) left its event loop, and called \(operation) elsewhere: an actor with an \
                    executor of its own, `@MainActor` for instance, runs its code on its own threads
                    """
            }
            return """
                \(task) called \(operation) on no event loop. It was made in \(origin), a task of one: \
                `Task {}` does not inherit the loop; use `spawn`
                """
        }
    }
}
