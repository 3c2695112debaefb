// Where jobs run that come to a loop after its end.
//
// A task whose loop has parked may still be resumed by somebody else. Dropping its job would lose
// the task, and with it whatever waits for it. So late jobs of all loops run, one after the other,
// on one thread of the process, which is started when the first of them comes. A loop's inbox closes
// while its own thread still runs it, so they wait until that thread has left it.

/// The process-wide drain of late jobs.
enum LateJobs {
    private static let drain = Drain()

    /// Runs what another thread sent to a parked loop.
    static func run(_ item: Inbox.Item, of core: LoopCore) {
        drain.put(.init(core: core, item: item))
    }

    /// Runs a job of a parked loop when its deadline has passed.
    static func run(_ job: ReadyJob, of core: LoopCore, at deadline: UInt64) {
        drain.put(.init(core: core, item: .job(job)), at: deadline)
    }

    /// A thread has left a parked loop, whose jobs may run from now on.
    static func ownerLeft() { drain.look() }

    /// How many late jobs have run in this process.
    ///
    /// For tests.
    static var count: Int { drain.ranCount }
}

private final class Drain: @unchecked Sendable {
    // SAFETY: all fields are guarded by `condition`'s lock.
    struct Entry {
        let core: LoopCore
        let item: Inbox.Item
    }

    private let condition = ThreadCondition()
    private var entries: [Entry] = []
    private var delayed: [(deadline: UInt64, entry: Entry)] = []  // latest first
    private var isRunning = false
    private var ran = 0

    var ranCount: Int { condition.withLock { ran } }

    func put(_ entry: Entry) {
        condition.withLock { entries.append(entry) }
        wake()
    }

    func put(_ entry: Entry, at deadline: UInt64) {
        condition.withLock {
            let index = delayed.firstIndex { $0.deadline <= deadline } ?? delayed.endIndex
            delayed.insert((deadline, entry), at: index)
        }
        wake()
    }

    /// With the lock, so that it is not between two looks at who is idle and the wait.
    func look() {
        if condition.withLock({ !entries.isEmpty || !delayed.isEmpty }) { wake() }
    }

    private func wake() {
        let mustStart = condition.withLock {
            defer { isRunning = true }
            return !isRunning
        }
        condition.signal()
        if mustStart {
            do {
                try CurrentThread.start(name: "asynccore-late") { self.runForever() }
            } catch {
                // No thread to be had now. The next late job tries again; nothing is dropped.
                condition.withLock { isRunning = false }
            }
        }
    }

    private func runForever() {
        while true {
            for entry in next() {
                entry.core.runLate(entry.item)
                condition.withLock { ran += 1 }
            }
        }
    }

    /// Takes the entries of all loops that no thread runs any more, in order.
    private func takeReady() -> [Entry] {
        var busy: Set<ObjectIdentifier> = []
        var ready: [Entry] = []
        entries.removeAll { entry in
            let loop = ObjectIdentifier(entry.core)
            // Asked once for each loop: else a job might overtake those before it.
            if busy.contains(loop) { return false }
            if !entry.core.isIdle {
                busy.insert(loop)
                return false
            }
            ready.append(entry)
            return true
        }
        return ready
    }

    /// Waits until something can run.
    private func next() -> [Entry] {
        condition.lock()
        defer { condition.unlock() }
        while true {
            let now = ThreadCondition.now
            while let last = delayed.last, last.deadline <= now {
                delayed.removeLast()
                entries.append(last.entry)
            }
            let ready = takeReady()
            if !ready.isEmpty { return ready }
            condition.wait(until: delayed.last?.deadline)
        }
    }
}
