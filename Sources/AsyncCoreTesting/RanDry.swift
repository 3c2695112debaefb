// The error of a run that cannot go on.
internal import AsyncCore

/// A run on virtual time ran dry: its tasks wait, and nothing is left that could wake one of them.
///
/// A deadlock, a lost wake-up, or a wait for something that the loop cannot see (see
/// ``VirtualTime/hold(_:)``). The run has ended: its tasks were cancelled, and those that did not
/// end by that were left behind.
public struct RanDry: Error, Sendable, CustomStringConvertible {
    /// A task that waits.
    public struct Wait: Sendable, Equatable {
        /// The task's name, if it has one.
        public let task: String?

        /// What it waits for: the call, or a part of it; nil if that is nothing of AsyncCore's, such
        /// as another task's value, or a continuation.
        public let what: String?

        /// Since when, in virtual time from the start of the run; nil if it is not known.
        public let since: Duration?
    }

    /// The tasks that wait, those that began first in front.
    public let waits: [Wait]

    /// Virtual time from the start of the run.
    public let time: Duration

    /// The seed of the run's order, if it had one.
    public let seed: UInt64?

    private let nextDeadline: Duration?

    init(_ report: DryLoop, seed: UInt64?) {
        waits = report.waits.map { Wait(task: $0.task, what: $0.what, since: $0.since) }
        time = report.now
        nextDeadline = report.nextDeadline
        self.seed = seed
    }

    /// Which tasks wait for what.
    public var description: String {
        var lines = ["ran dry at \(time): these tasks wait for what cannot come"]
        lines += waits.map { "  \($0)" }
        if let nextDeadline {
            lines.append("  time stands still, and the next deadline is at \(nextDeadline)")
        }
        if waits.contains(where: { $0.what == nil }) {
            lines.append("  (the value of another task, a continuation, or work on another thread:")
            lines.append("  Task {} leaves the loop; VirtualTime.hold waits for other threads)")
        }
        return lines.joined(separator: "\n")
    }
}

extension RanDry.Wait: CustomStringConvertible {
    /// Which task waits for what.
    public var description: String {
        let name = task.map { "'\($0)'" } ?? "a task without a name"
        guard let what else {
            return "\(name) waits for something that AsyncCore does not know of"
        }
        return "\(name) waits for \(what)" + (since.map { ", since \($0)" } ?? "")
    }
}
