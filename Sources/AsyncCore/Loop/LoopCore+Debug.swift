// A loop in debug mode: each job is timed, and each task knows where it comes from.

extension LoopCore {
    /// Runs jobs in order, new ones included, within the bounds of a turn, and looks at the clock
    /// after each.
    func runReadyJobs(watchedBy debug: DebugMode, maxJobs: Int) {
        var left = min(maxJobs, configuration.jobsPerTurn)
        var now = poller.now
        let end = turnEnd(from: now)
        while left > 0, let job = takeReady(at: 0) {
            debug.beginJob(
                of: TaskIdentity(job: job), or: "a job of an actor, or of Swift's own", at: now)
            run(job)
            now = poller.now
            debug.endJob(at: now)
            left -= 1
            if now >= end { break }
        }
        waitBook.now = now
    }

    /// Runs what another thread sent.
    @inline(__always)
    func runCall(_ call: () -> Void) {
        guard let debug else { return call() }
        debug.beginJob(of: nil, or: "a call from another thread", at: poller.now)
        call()
        debug.endJob(at: poller.now)
    }

    /// Whether the loop looks for mistakes.
    @usableFromInline
    var isDebugging: Bool { debug != nil }

    /// Runs the body of a task of the loop, so that jobs of the task, and tasks made in it, can be
    /// told from others.
    @usableFromInline
    nonisolated(nonsending) func watchingTask<R>(
        named name: String?, _ body: nonisolated(nonsending) () async throws -> R
    ) async rethrows -> R {
        guard let debug, let task = TaskIdentity.current else { return try await body() }
        debug.begin(task, named: name)
        defer { debug.end(task) }
        let origin = LoopOrigin(
            debug: debug, number: task.number, label: TaskLabel.text(name, task.number))
        return try await LoopOrigin.$current.withValue(origin, operation: body)
    }

    /// The loop that runs the calling code, if any.
    ///
    /// For operations that work without one, too, and cost more then: in debug mode, callers that
    /// should be on a loop are reported.
    @inline(__always)
    static func current(for operation: StaticString) -> LoopCore? {
        if let current { return current }
        LoopOrigin.noteLeft(operation)
        return nil
    }

    /// In debug mode, reports a caller that should be on a loop and is not.
    static func noteIfLeft(_ operation: StaticString) {
        if current == nil { LoopOrigin.noteLeft(operation) }
    }
}

/// The task of a loop in debug mode that the running code comes from.
///
/// `Task {}` inherits it, and the loop it does not: that is how those tasks are told.
final class LoopOrigin: Sendable {
    @TaskLocal static var current: LoopOrigin?

    let debug: DebugMode
    let number: UInt64
    let label: String

    init(debug: DebugMode, number: UInt64, label: String) {
        self.debug = debug
        self.number = number
        self.label = label
    }

    /// An operation was called on no loop: reports it, if the caller comes from one.
    static func noteLeft(_ operation: StaticString) {
        guard DebugMode.isInUse, let task = TaskIdentity.current, let current else { return }
        current.debug.noteLeft(operation, in: task, from: current)
    }
}
