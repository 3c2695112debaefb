// The tasks of a loop, as a value.

extension EventLoop {
    /// The tasks of a loop at one moment: asyncio's `all_tasks`, with what each does.
    ///
    /// Printed, it is a tree: each task stands below the one that spawned it, or whose child it is.
    ///
    /// In it are the main body, the tasks that were spawned and have not ended, all tasks that are
    /// ready or wait in an operation of AsyncCore, and those whose children they are. Not in it are
    /// other tasks that the loop was not asked to keep, while they wait for something else.
    public struct Snapshot: Sendable, CustomStringConvertible {
        /// The name of the loop's thread, if the loop has one of its own.
        public var loop: String?

        /// The tasks: the main body, the spawned ones in the order in which they began, and then the
        /// others in the order in which they were made.
        public var tasks: [TaskSnapshot]

        /// The tasks that wait for each other in a circle, as far as it is known who waits for whom.
        ///
        /// Each circle once, by the numbers of its tasks, the first of which is not repeated.
        public var cycles: [[TaskSnapshot.ID]] { WaitCycles(tasks).found }

        /// The tree, a line a task, and then the cycles.
        public var description: String { TaskTree(self).text }
    }

    /// The tasks of the loop, now.
    ///
    /// ## Isolation
    /// *On the loop only*; elsewhere use ``snapshot(timeout:)``. Also on a host's thread between two
    /// calls of ``runReady(maxJobs:)``.
    public var tasks: Snapshot {
        precondition(
            LoopCore.current === core || (core.isIdle && core.phase != .parked),
            "EventLoop.tasks is to be read on the loop; elsewhere use snapshot(timeout:)")
        return core.snapshot()
    }
}

/// A task at one moment.
public struct TaskSnapshot: Sendable, Equatable, Identifiable {
    /// The number of the task: no other task of the process has it, or ever had.
    ///
    /// Swift's own tools show the same number.
    public var id: UInt64

    /// The task's name, if it has one and it is known.
    ///
    /// In release builds without debug mode it is known of the main body and of spawned tasks only.
    public var name: String?

    /// What the task does.
    public var state: State

    /// The task that spawned this one, or whose child it is, whether it still runs or not; nil if
    /// there is none.
    public var parent: ID?

    /// Whether it is a child of its parent, which then cannot end before it: of a task group, or an
    /// `async let`.
    public var isChild: Bool

    /// Whether the task is cancelled.
    public var isCancelled: Bool

    /// What a task does.
    public enum State: Sendable, Equatable {
        /// It runs: it is the one that asked.
        case running

        /// It will run in one of the loop's next turns.
        case ready

        /// It waits in an operation of AsyncCore, or for a spawned task.
        case waiting(Wait)

        /// It is neither running nor ready, and waits for something that AsyncCore does not know of:
        /// a continuation, say, a task group, or a call that runs on another thread.
        case suspended
    }

    /// A wait that is under way.
    public struct Wait: Sendable, Equatable {
        /// What is waited for: the operation, or the task.
        public var what: String

        /// For how long, on the loop's clock; exact to a turn of the loop.
        public var elapsed: Duration

        /// The tasks that are waited for, as far as they are known.
        public var holders: [ID]
    }
}
