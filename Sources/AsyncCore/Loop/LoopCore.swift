// The core of a loop: its queues, its turn, its phases. The executors and EventLoop are thin faces
// of it.
internal import Synchronization

/// The state of one event loop.
///
/// Owned by its EventLoop and its executors. At any time one thread at most runs it: during
/// ``own(_:)`` that thread is the *owner*, and everything not marked "any thread"
/// is the owner's alone.
@safe
@usableFromInline
final class LoopCore: @unchecked Sendable {
    // SAFETY: what is not atomic, immutable or locked is touched by the owner thread only, and
    // ownership passes from thread to thread through `owner`. Once left parked it is the drain's.

    /// The life of a loop.
    ///
    /// It only goes forward.
    enum Phase: UInt8, AtomicRepresentable {
        case open  // new operations start
        // Tasks have been cancelled, new ones start cancelled; operations work, for their clean-up.
        case closing
        case stopped  // waiting operations have failed, new ones fail at once; jobs still run
        case parked  // nobody runs the loop any more; late jobs run on the drain thread
    }

    let configuration: EventLoop.Configuration
    let poller: Poller
    let inbox = Inbox()
    /// Time and order under test; nil in a loop that works.
    let simulation: Simulation?
    /// What looks for mistakes; nil unless the configuration asks for it.
    let debug: DebugMode?
    private let door: LoopDoor

    private let owner = Atomic<UInt>(0)
    let phaseWord = Atomic<Phase>(.open)

    /// Asked for by ``requestStop()``; the runner acts on it between turns.
    let stopRequested = Atomic<Bool>(false)

    // Owner thread only, from here on.
    let hot: Confined<HotState>
    let hotCounters: Confined<LoopCounters>
    /// Any thread.
    let systemCalls: SystemCalls
    let waiterPool: Confined<WaiterPool>
    let waitBook: WaitBook
    /// Where its tasks suspend.
    let parking: Confined<Parking>
    private let turnNanoseconds: UInt64
    let tasks: Confined<TaskList>
    let runners: Confined<IdleRunners>
    let watches = DescriptorWatchList()
    let deadlineScopes = DeadlineScopeList()
    var clockPair = ClockPair()
    var delayedJobs: [ObjectIdentifier: DelayedJob] = [:]
    /// The task of the main body, while it runs.
    var mainTask: TaskIdentity?
    /// The task that the owner thread is in between jobs, if any: none of the loop's.
    private(set) var hostTask: TaskIdentity?
    private var ownership = Ownership()

    /// Where reads of unknown size go first.
    let scratch = ScratchBuffer()
    /// Where ``PooledBytes`` have their memory, and what is received for those who wait.
    let bytePool: Confined<BytePool>
    /// Where splices have their pipes from.
    let pipes: PipePool

    /// The public face.
    ///
    /// Weak: the face owns the core.
    weak var face: EventLoop?

    /// What every job touches.
    @safe
    struct HotState: ~Copyable {
        // SAFETY: the executors outlive the jobs that are enqueued on them; see below.

        var ready = JobRing()
        /// The job that is running, if there is one and its task can park.
        var running: ReadyJob?
        var isHosting = false
        var deferred: [Waiter] = []
        var expired: [DeadlineScope] = []
        var received: [Inbox.Item] = []

        // Set once, before the loop first runs; the objects live as long as any job that is
        // enqueued on them.
        var taskExecutor: UnownedTaskExecutor?
        var serialExecutor: UnownedSerialExecutor?
        var mainExecutor: UnownedSerialExecutor?
    }

    // SAFETY: whatever runs on the loop keeps the task executor alive: the runner through the face,
    // a late job through its task, the serial executor and the program's main executor by holding
    // it.
    unowned(unsafe) var taskExecutorObject: LoopTaskExecutor?

    @usableFromInline var preferredExecutor: (any TaskExecutor)? { unsafe taskExecutorObject }

    /// The executor of the loop's tasks, for those who must keep it alive.
    var executor: LoopTaskExecutor {
        guard let executor = unsafe taskExecutorObject else {
            preconditionFailure("a loop is used before it has its executors")
        }
        return executor
    }

    /// Names the executors that run the loop's jobs.
    ///
    /// Before the loop first runs.
    func setExecutors(task: LoopTaskExecutor, serial: LoopSerialExecutor) {
        unsafe taskExecutorObject = task
        unsafe hot.value.taskExecutor = task.asUnownedTaskExecutor()
        unsafe hot.value.serialExecutor = serial.asUnownedSerialExecutor()
    }

    /// Whether the loop runs whatever the process runs.
    var isProgram: Bool { unsafe hot.value.mainExecutor != nil }

    /// Names the main actor's executor: program mode only, before the loop first runs.
    func setMainExecutor(_ main: some SerialExecutor) {
        unsafe hot.value.mainExecutor = main.asUnownedSerialExecutor()
    }

    /// How many operations of the library a task may finish without suspending before it must let
    /// others run.
    static let operationsPerJob = 128

    init(configuration: EventLoop.Configuration) throws(SystemError) {
        self.configuration = configuration
        poller = try Poller(
            systemCalls: configuration.systemCalls,
            stoppedClock: configuration.simulation.map { _ in Simulation.startOfTime })
        systemCalls = poller.systemCalls
        pipes = PipePool(systemCalls)
        // After what can fail: a failed init runs no deinit, which frees these.
        hot = Confined(HotState())
        hotCounters = Confined(LoopCounters())
        simulation = configuration.simulation.map(Simulation.init)
        debug = DebugMode(configuration)
        waitBook = WaitBook(
            now: poller.now,
            keepsNames: DebugMode.isDebugBuild || configuration.debug || simulation != nil)
        parking = waitBook.parking
        waiterPool = Confined(WaiterPool(book: waitBook))
        tasks = Confined(TaskList())
        runners = Confined(IdleRunners())
        bytePool = Confined(BytePool())
        turnNanoseconds = configuration.turnNanoseconds
        door = LoopDoor(inbox: inbox, poller: poller)
        waitBook.setCore(self)
        parking.value.setCore(self)
        LoopRegistry.add(door)
    }

    deinit {
        // Pairs with the end of `own`: the last reference may go on another thread than the loop's
        // last owner.
        _ = isIdle
        // Whoever had a stream or a listener left it to the loop, which nobody ran any more.
        watches.stopAll()
        LoopRegistry.remove(door)
        hot.deallocate()
        hotCounters.deallocate()
        waiterPool.deallocate()
        tasks.deallocate()
        runners.deallocate()
        bytePool.deallocate()
    }

    var counters: LoopCounters {
        @inline(__always) _read { yield hotCounters.value }
        @inline(__always) _modify { yield &hotCounters.value }
    }

    // MARK: - Any thread

    /// Whether the calling thread is running this loop.
    var isCurrent: Bool {
        @inline(__always) get { owner.load(ordering: .relaxed) == CurrentThread.identity }
    }

    /// The core whose turn the calling thread is running, if any.
    static var current: LoopCore? {
        @inline(__always) get { CurrentThread.current(as: LoopCore.self) }
    }

    /// The last look at the clock of the loop that runs the calling code; 0 elsewhere.
    static var now: UInt64 {
        CurrentThread.withCurrent(as: LoopCore.self) { $0.waitBook.now } ?? 0
    }

    var phase: Phase { phaseWord.load(ordering: .acquiring) }

    var isStopping: Bool { phase != .open || stopRequested.load(ordering: .acquiring) }

    /// Whether new operations fail.
    var isStopped: Bool {
        @inline(__always) get { phase.rawValue >= Phase.stopped.rawValue }
    }

    /// Whether no thread is running the loop now.
    var isIdle: Bool { owner.load(ordering: .acquiring) == 0 }

    /// Makes a job ready.
    ///
    /// On the owner thread: no lock, no atomic read-modify-write.
    @inline(__always)
    func enqueue(_ job: ReadyJob) {
        if isCurrent {
            makeReady(job)
        } else {
            send(.job(job))
        }
    }

    /// Runs `call` on the loop's thread, in one of its next turns.
    func post(_ call: @escaping @Sendable () -> Void) { send(.call(call)) }

    private func send(_ item: Inbox.Item) {
        switch inbox.put(item) {
        case .queued: break
        case .queuedAndMustWake: poller.wakeUp()
        case .closed: LateJobs.run(item, of: self)
        }
    }

    // MARK: - Ownership

    /// Makes the calling thread the owner while `body` runs.
    func own(_ body: () -> Void) {
        let (won, _) = owner.compareExchange(
            expected: 0, desired: CurrentThread.identity, ordering: .acquiringAndReleasing)
        precondition(won, "an event loop is run by two threads at once, or from within itself")
        let now = poller.now
        ownership.begin(at: now)
        waitBook.now = now
        hostTask = TaskIdentity.current
        let previous = CurrentThread.install(self)
        body()
        CurrentThread.restore(previous)
        ownership.end(at: poller.now)
        owner.store(0, ordering: .releasing)
        if phase == .parked { LateJobs.ownerLeft() }
    }

    /// Lets tasks park while `body` runs their jobs.
    ///
    /// Pays from some three waits on: a call makes a task, to run `body` inside. Owner thread only.
    func hostParking(_ body: () -> Void) {
        TaskParking.host {
            let outside = hostTask
            hostTask = TaskIdentity.current
            hot.value.isHosting = true
            body()
            hot.value.isHosting = false
            hostTask = outside
        }
    }

    /// How long threads have run the loop, their waiting in the kernel included.
    var ownedNanoseconds: UInt64 { ownership.total(at: poller.now) }

    // MARK: - A turn
    //
    // The order is a promise (docs/design.md): inbox, jobs, kernel, due timers, readiness.

    /// One turn of the loop.
    ///
    /// - Parameters:
    ///   - mayWait: whether to wait in the kernel when nothing is ready.
    ///   - maxJobs: how many jobs to run at most.
    ///   - alwaysPoll: whether to ask the kernel even if nothing is registered, for a host that
    ///     polls our descriptor.
    /// - Returns: whether jobs are left that could run at once.
    @discardableResult
    func turn(mayWait: Bool, maxJobs: Int, alwaysPoll: Bool = false) -> Bool {
        counters.turns &+= 1
        if counters.turns & 255 == 0 { dismissSurplusRunners() }
        takeInbox()
        runReadyJobs(maxJobs: maxJobs)
        cancelExpired()
        takeDeferred()
        // Asked after the jobs: one of them may have been what the shutdown waited for.
        if hasReadyJobs || !mayWait || hasShutdownStep || dismissRunners(except: IdleRunners.kept) {
            pollWithoutWaiting(always: alwaysPoll)
        } else if inbox.prepareToSleep() {
            hot.value.ready.shrinkIfSparse()
            if let simulation { letTimePass(simulation) } else { _ = poll(wait: true) }
            inbox.wokeUp()
        } else {
            // Others keep sending: what they send must not keep the kernel's events waiting.
            pollWithoutWaiting(always: alwaysPoll)
        }
        waitBook.now = max(waitBook.now, poller.lastSeen)
        return hasReadyJobs
    }

    private func takeInbox() {
        inbox.takeAll(into: &hot.value.received)
        if hot.value.received.isEmpty { return }
        var items: [Inbox.Item] = []
        swap(&items, &hot.value.received)
        for item in items {
            switch item {
            case .job(let job): hot.value.ready.append(job)
            case .call(let call): runCall(call)
            }
        }
        // Its memory serves the next batch.
        items.removeAll(keepingCapacity: true)
        hot.value.received = items
    }

    /// Runs jobs in order, new ones included, within the bounds of a turn.
    private func runReadyJobs(maxJobs: Int) {
        if let simulation, simulation.isSeeded {
            return runReadyJobs(inOrderOf: simulation, maxJobs: maxJobs)
        }
        if let debug { return runReadyJobs(watchedBy: debug, maxJobs: maxJobs) }
        var left = min(maxJobs, hot.value.ready.isEmpty ? 0 : configuration.jobsPerTurn)
        var untilLook = Self.jobsPerClockLook
        // Most turns run so few jobs that they never look at the clock. One that comes to look
        // without having expected it counts its time from there.
        var end = hot.value.ready.count > untilLook ? turnEnd(from: poller.now) : 0
        while left > 0, let job = hot.value.ready.popFirst() {
            prefetchReadyJobs()
            run(job)
            left &-= 1
            untilLook &-= 1
            if untilLook == 0 {
                let now = poller.now
                waitBook.now = now
                if end == 0 { end = turnEnd(from: now) }
                if now >= end { break }
                untilLook = Self.jobsPerClockLook
            }
        }
    }

    private static let jobsPerClockLook = 32

    func turnEnd(from now: UInt64) -> UInt64 {
        Monotonic.adding(turnNanoseconds, to: now)
    }

    @inline(__always)
    func run(_ job: ReadyJob, budget: Int = operationsPerJob) {
        counters.jobs &+= 1
        counters.operationBudget = budget
        if hot.value.isHosting { hot.value.running = job }
        // By far the most, and without the jump over a table that a switch is.
        if job.executor == .task {
            guard let executor = unsafe hot.value.taskExecutor else {
                preconditionFailure("no executor")
            }
            unsafe job.job.runSynchronously(on: executor)
        } else {
            runOther(job)
        }
        hot.value.running = nil
    }

    @inline(never)
    private func runOther(_ job: ReadyJob) {
        switch job.executor {
        case .task:
            preconditionFailure("a job of the task executor is run as another's")
        case .none:
            RuntimeJob.run(job)
        case .serial:
            guard let executor = unsafe hot.value.serialExecutor else {
                preconditionFailure("no executor")
            }
            unsafe job.job.runSynchronously(on: executor)
        case .main:
            guard let executor = unsafe hot.value.mainExecutor else {
                preconditionFailure("no executor")
            }
            unsafe job.job.runSynchronously(on: executor)
        }
    }

    /// Cancels the bodies whose deadline has passed: after the ready jobs, so that a value that was
    /// ready at the deadline wins; and not while events are delivered, as a cancellation runs
    /// handlers of the user's.
    private func cancelExpired() {
        while !hot.value.expired.isEmpty {
            var scopes: [DeadlineScope] = []
            swap(&scopes, &hot.value.expired)
            for scope in scopes { scope.cancel(.expired) }
        }
    }

    func noteExpired(_ scope: DeadlineScope) { hot.value.expired.append(scope) }
}
