// What a loop counts while it runs. Owner thread only; EventLoop.Statistics is the public copy.

/// The counters of a loop's Swift side.
///
/// But for the first two they only grow.
struct LoopCounters {
    /// Bytes weigh, too: 256 KiB are a whole budget.
    static let bytesPerOperationShift = 11

    /// What is left of the running job's budget of operations.
    var operationBudget = 0

    /// How many waits under way end at a deadline, if not before.
    var sleepers = 0

    var turns: UInt64 = 0
    var jobs: UInt64 = 0
    var enqueuedLocally: UInt64 = 0
    var receives: UInt64 = 0
    var sends: UInt64 = 0
    var accepts: UInt64 = 0
}
