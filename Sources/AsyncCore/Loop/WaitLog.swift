// Which task of a loop under test waits for what, since when.

/// The waits under way on one loop.
///
/// Owner thread only, as the waits are.
final class WaitLog: @unchecked Sendable {
    // SAFETY: touched by tasks of the loop, on the loop's thread; after its end on the drain thread.

    struct Wait {
        /// The order of beginning.
        let number: UInt64
        let task: TaskIdentity?
        let name: String?
        let what: StaticString
        /// In nanoseconds of the loop's clock.
        let since: UInt64
    }

    private var waits: [ObjectIdentifier: Wait] = [:]
    private var begun: UInt64 = 0

    func add(_ waiter: Waiter, what: StaticString) {
        begun += 1
        waits[ObjectIdentifier(waiter)] = Wait(
            number: begun, task: .current, name: Task.name, what: what,
            since: LoopCore.current?.poller.now ?? 0)
    }

    func remove(_ waiter: Waiter) { waits[ObjectIdentifier(waiter)] = nil }

    /// All waits, in the order in which they began.
    var inOrder: [Wait] { waits.values.sorted { $0.number < $1.number } }
}
