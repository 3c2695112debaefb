// Whether an operation may end without suspending: what fast paths ask first.

extension LoopCore {
    /// The calling task, if an operation of it may succeed at once: if it is not cancelled, and the
    /// running job has budget left, of which this spends one operation.
    ///
    /// With nil the operation goes its long way, which throws, or lets others run.
    @inline(__always)
    static var unhinderedTask: TaskIdentity? {
        guard let task = TaskIdentity.current, !task.isCancelled else { return nil }
        return CurrentThread.withCurrent(as: LoopCore.self) { $0.spendBudget() } ?? true
            ? task : nil
    }

    /// Whether an operation of the calling task may succeed at once; spends from the budget if so.
    @usableFromInline
    static var mayFinishAtOnce: Bool {
        unhinderedTask != nil
    }
}
