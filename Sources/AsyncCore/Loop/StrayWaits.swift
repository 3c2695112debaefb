// Debug builds only: the waits of tasks that run on no loop. A hanging test prints them.

#if DEBUG
    /// Every wait in the process that no loop's book has.
    package enum StrayWaits {
        private struct Wait {
            let task: String
            let what: StaticString
            let since: UInt64
        }

        private static let lock = ThreadLock()
        // SAFETY: `waits` is only looked at, and changed, with `lock` held.
        nonisolated(unsafe) private static var waits: [ObjectIdentifier: Wait] = [:]

        static func add(_ waiter: Waiter, what: StaticString) {
            let wait = Wait(
                task: Task.name.map { "'\($0)'" } ?? "a task without a name", what: what,
                since: ThreadCondition.now)
            // SAFETY: `lock` is held.
            lock.withLock { unsafe waits[ObjectIdentifier(waiter)] = wait }
        }

        static func remove(_ waiter: Waiter) {
            // SAFETY: `lock` is held.
            lock.withLock { _ = unsafe waits.removeValue(forKey: ObjectIdentifier(waiter)) }
        }

        /// One line a wait, longest first.
        package static var description: [String] {
            let now = ThreadCondition.now
            return lock.withLock { unsafe Array(waits.values) }
                .sorted { $0.since < $1.since }
                .map { wait in
                    "\(wait.task) waits for \(wait.what), for \(Monotonic.duration(from: wait.since, to: now)), on no loop"
                }
        }
    }
#endif
