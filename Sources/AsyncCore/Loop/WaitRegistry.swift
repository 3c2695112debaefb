// Debug builds only: which task waits for what, since when. A hanging test prints it.

#if DEBUG
    /// Every wait under way in the process.
    package enum WaitRegistry {
        // SAFETY: `waits` is guarded by `lock`.

        private struct Wait {
            let task: String
            let what: StaticString
            let since: UInt64
        }

        private static let lock = ThreadLock()
        nonisolated(unsafe) private static var waits: [ObjectIdentifier: Wait] = [:]

        static func add(_ waiter: Waiter) {
            let wait = Wait(
                task: Task.name ?? "a task without a name", what: unsafe waiter.what,
                since: ThreadCondition.now)
            lock.withLock { unsafe waits[ObjectIdentifier(waiter)] = wait }
        }

        static func remove(_ waiter: Waiter) {
            lock.withLock { _ = unsafe waits.removeValue(forKey: ObjectIdentifier(waiter)) }
        }

        /// One line a wait, longest first.
        package static var description: [String] {
            let now = ThreadCondition.now
            return lock.withLock { unsafe Array(waits.values) }
                .sorted { $0.since < $1.since }
                .map { wait in
                    "\(wait.task) waits for \(wait.what), for \(Monotonic.duration(from: wait.since, to: now))"
                }
        }
    }
#endif
