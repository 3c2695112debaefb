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

    private var waits: [Wait?] = []
    private var free: [Int] = []
    private var begun: UInt64 = 0

    /// Notes a wait of the running task.
    ///
    /// - Returns: its place, for ``remove(at:)``.
    func add(_ what: StaticString) -> Int {
        begun += 1
        let wait = Wait(
            number: begun, task: .current, name: Task.name, what: what,
            since: LoopCore.current?.poller.now ?? 0)
        guard let place = free.popLast() else {
            waits.append(wait)
            return waits.count - 1
        }
        waits[place] = wait
        return place
    }

    func remove(at place: Int) {
        waits[place] = nil
        free.append(place)
    }

    /// All waits, in the order in which they began.
    var inOrder: [Wait] { waits.compactMap(\.self).sorted { $0.number < $1.number } }
}
