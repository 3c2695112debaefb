// What a loop under test says when nothing can ever happen on it again.

/// A loop that ran dry: tasks wait, and nothing is left that could wake them.
package struct DryLoop: Error, Sendable {
    /// A task that waits.
    package struct Wait: Sendable {
        package var task: String?
        /// Nil if it is nothing that AsyncCore knows of.
        package var what: String?
        /// Virtual time since the start of the run.
        package var since: Duration?
    }

    package var waits: [Wait]

    /// Virtual time since the start of the run.
    package var now: Duration

    /// The next deadline, if time does not jump to it by itself.
    package var nextDeadline: Duration?
}
