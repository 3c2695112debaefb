// Threads for work that blocks: started when needed, ended when idle.
//
// The pool bounds its threads and not its work: whoever uses it admits no more work at a time than
// there may be threads (`BlockingPool` does). So work waits here only for a thread that is just
// about to be idle, or when the system gives no more threads.

/// Runs closures on threads of its own, one after the other on each.
///
/// Any thread. Work is announced with ``claim()``, which can fail, and then handed in with
/// ``submit(_:)``, which cannot: between the two no idle thread that it may need ends.
final class ThreadPool: @unchecked Sendable {
    // SAFETY: all that changes is guarded by `lock`; a worker's own fields by its condition.
    typealias Work = @Sendable () -> Void
    typealias StartThread =
        @Sendable (_ name: String, _ body: @escaping Work) throws(SystemError) -> Void

    private let name: String
    let maximum: Int
    private let idleNanoseconds: UInt64
    private let startThread: StartThread

    private let lock = ThreadLock()
    private var idle: [Worker] = []  // the one that was idle last is used first
    private var queue: [Work] = []
    private var claims = 0  // announced, and not handed in yet
    private var starting = 0  // threads that have not asked for work yet
    private var creating = 0  // of these, those that the system may still refuse
    private var started = 0
    private var isClosed = false
    private var counts = Counts()

    /// How a pool stands.
    struct Counts {
        /// Threads alive.
        var threads = 0
        /// Of these, those whose work waits for a loop.
        var lent = 0
        var failedStarts = 0
    }

    var snapshot: (counts: Counts, idle: Int) { lock.withLock { (counts, idle.count) } }

    /// - Parameters:
    ///   - name: The threads' names begin with it.
    ///   - maximum: How many threads there are at most, divided by those that are lent.
    ///   - idleNanoseconds: How long a thread stays without work.
    ///   - startThread: Starts a detached thread; tests replace it.
    init(
        name: String, maximum: Int, idleNanoseconds: UInt64,
        startThread: @escaping StartThread = { name, body throws(SystemError) in
            try CurrentThread.start(name: name, body)
        }
    ) {
        self.name = name
        self.maximum = maximum
        self.idleNanoseconds = idleNanoseconds
        self.startThread = startThread
    }

    // MARK: - Work

    /// Sees to it that there is a thread for one piece of work, which is handed in next.
    ///
    /// When the system gives no more threads, the work is left to those that there are.
    ///
    /// - Throws: The system's error, if there is no thread at all that could do it.
    func claim() throws(SystemError) {
        let mustStart = lock.withLock {
            claims += 1
            return mayStartThread
        }
        if !mustStart { return }
        do throws(SystemError) { try startWorker() } catch {
            let isHopeless = lock.withLock {
                if hasThreadForWork { return false }
                claims -= 1
                return true
            }
            if isHopeless { throw error }
        }
    }

    /// Runs work that was claimed.
    func submit(_ work: @escaping Work) {
        let worker = lock.withLock {
            claims -= 1
            let worker = idle.popLast()
            if worker == nil { queue.append(work) }
            return worker
        }
        worker?.give(work)
    }

    /// The calling thread's work begins to wait for something that may need another thread of this
    /// pool.
    ///
    /// - Throws: The system's error, if work waits already and no thread is left that could do it;
    ///   then nothing is lent.
    func lend() throws(SystemError) {
        let mustStart = lock.withLock {
            counts.lent += 1
            return mayStartThread
        }
        if !mustStart { return }
        do throws(SystemError) { try startWorker() } catch {
            let isHopeless = lock.withLock {
                if hasThreadForWork { return false }
                counts.lent -= 1
                return true
            }
            if isHopeless { throw error }
        }
    }

    /// The calling thread's work goes on.
    func reclaim() { lock.withLock { counts.lent -= 1 } }

    /// Ends the threads that are idle, and the others when they have nothing more to do.
    func close() {
        let dismissed = lock.withLock {
            isClosed = true
            counts.threads -= idle.count
            defer { idle = [] }
            return idle
        }
        for worker in dismissed { worker.dismiss() }
    }

    // MARK: - Threads

    /// Whether there is work without a thread, and room for one.
    ///
    /// Counts the new thread at once. Under the lock.
    private var mayStartThread: Bool {
        guard claims + queue.count > idle.count + starting,
            counts.threads - counts.lent < maximum
        else { return false }
        counts.threads += 1
        starting += 1
        creating += 1
        return true
    }

    /// Whether a thread exists that will ask for work.
    ///
    /// Under the lock.
    private var hasThreadForWork: Bool { counts.threads - creating > counts.lent }

    private func startWorker() throws(SystemError) {
        let number = lock.withLock {
            started += 1
            return started
        }
        do throws(SystemError) {
            try startThread(Self.threadName(name, number)) { self.work(as: Worker()) }
            lock.withLock { creating -= 1 }
        } catch {
            lock.withLock {
                counts.threads -= 1
                starting -= 1
                creating -= 1
                counts.failedStarts += 1
            }
            throw error
        }
    }

    /// The kernel keeps 15 bytes: the number is among them.
    static func threadName(_ name: String, _ number: Int) -> String {
        let suffix = "-\(number)"
        let prefix = name.utf8.prefix(max(15 - suffix.utf8.count, 0))
        return String(decoding: prefix, as: UTF8.self) + suffix
    }

    /// The life of a thread.
    private func work(as worker: Worker) {
        lock.withLock { starting -= 1 }
        while let work = next(for: worker) { work() }
    }

    /// Waits for work; nil when the thread is to end.
    private func next(for worker: Worker) -> Work? {
        let (work, mayStay) = lock.withLock { () -> (Work?, Bool) in
            if !queue.isEmpty { return (queue.removeFirst(), true) }
            if isClosed && claims == 0 {
                counts.threads -= 1
                return (nil, false)
            }
            idle.append(worker)
            return (nil, true)
        }
        if work != nil || !mayStay { return work }
        while true {
            switch worker.wait(until: ThreadCondition.now &+ idleNanoseconds) {
            case .work(let work): return work
            case .dismissed: return nil
            case .timedOut: if leave(worker) { return nil }
            }
        }
    }

    /// Ends an idle thread, unless it is needed, or is being given work in this moment.
    private func leave(_ worker: Worker) -> Bool {
        lock.withLock {
            guard idle.count > claims, let index = idle.firstIndex(where: { $0 === worker }) else {
                return false
            }
            idle.remove(at: index)
            counts.threads -= 1
            return true
        }
    }
}

/// One thread of a pool, as the others see it.
private final class Worker: @unchecked Sendable {
    // SAFETY: `work` and `isDismissed` are guarded by `condition`'s lock.
    enum Event {
        case work(ThreadPool.Work)
        case dismissed
        case timedOut
    }

    private let condition = ThreadCondition()
    private var work: ThreadPool.Work?
    private var isDismissed = false

    func give(_ work: @escaping ThreadPool.Work) {
        condition.withLock { self.work = work }
        condition.signal()
    }

    func dismiss() {
        condition.withLock { isDismissed = true }
        condition.signal()
    }

    func wait(until deadline: UInt64) -> Event {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let work {
                self.work = nil
                return .work(work)
            }
            if isDismissed { return .dismissed }
            if ThreadCondition.now >= deadline { return .timedOut }
            condition.wait(until: deadline)
        }
    }
}
