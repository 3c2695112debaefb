// The owner of a cel_loop: everything that the Swift loop wants from the C event loop.
internal import CEventLoop
internal import Glibc

/// Names one timer; stale once it has fired or was removed.
struct TimerToken: Sendable {
    fileprivate let raw: cel_token

    /// No timer's.
    static let none = TimerToken(raw: 0)
}

/// Names one registration of a descriptor; stale once it was deregistered.
struct WatchToken: Sendable, Equatable {
    fileprivate let raw: cel_token
}

/// The C event loop, with objects instead of raw words.
///
/// Everything but ``wakeUp()``, ``now`` and ``systemCalls`` belongs to the loop's thread.
@safe
final class Poller: @unchecked Sendable {
    // SAFETY: `loop` lives from init to deinit. Its functions are called on the loop's thread only,
    // except for those that the C header allows from anywhere. Each registration and each timer
    // owns one retain of its target, which is released when the registration or timer goes, exactly
    // once; but for timers that borrow it, whose `user` has the lowest bit set.
    private let loop: OpaquePointer
    private let batch: UnsafeMutablePointer<cel_completion>
    private static let batchCapacity: UInt32 = 512
    /// How many completions are in the batch that is being delivered; else 0.
    private var delivering = 0
    /// Targets whose registration has ended meanwhile.
    private var endedTargets: [CompletionTarget] = []

    /// - Throws: EMFILE, ENFILE or ENOMEM; nothing is left open then.
    ///
    /// With `stoppedClock` the clock stands still at that time, and ``advanceClock(by:)`` moves it.
    init(
        systemCalls: SystemCalls = .kernel, firstGeneration: UInt32 = 0,
        stoppedClock: UInt64? = nil
    ) throws(SystemError) {
        var options = unsafe cel_options(
            sys: systemCalls.table, first_generation: firstGeneration)
        var made: OpaquePointer?
        _ = try unsafe check(cel_loop_create(&options, &made))
        guard let made = unsafe made else { preconditionFailure("cel_loop_create gave no loop") }
        unsafe loop = made
        unsafe batch = .allocate(capacity: Int(Self.batchCapacity))
        if let stoppedClock { unsafe cel_clock_stop(made, stoppedClock) }
    }

    deinit {
        let result = unsafe cel_loop_destroy(loop)
        precondition(result == 0, "a loop was destroyed with registrations left: \(result)")
        unsafe batch.deallocate()
    }

    var systemCalls: SystemCalls { unsafe SystemCalls(table: cel_loop_sys(loop)) }

    /// Monotonic nanoseconds.
    ///
    /// Any thread.
    var now: UInt64 { unsafe cel_loop_now(loop) }

    /// What the clock showed when the kernel was last asked, if the clock was looked at then; 0 if it
    /// never was.
    ///
    /// Costs no look at the clock.
    var lastSeen: UInt64 { unsafe cel_loop_seen(loop) }

    /// Ends a wait, now or next time.
    ///
    /// Any thread, and from a signal handler.
    func wakeUp() { unsafe cel_loop_wakeup(loop) }

    // MARK: - A turn's share of the kernel

    /// Asks the kernel once and tells the targets: due timers in order, then readiness.
    ///
    /// - Parameters:
    ///   - wait: Whether to wait until there is something to report.
    ///   - watches: The class of all targets that descriptors are watched for. If it is final, they are
    ///     called directly.
    /// - Returns: how many things were reported, a wake-up included.
    @inline(__always)
    func poll<Watched: CompletionTarget>(wait: Bool, watches: Watched.Type) -> Int {
        deliver(unsafe cel_loop_poll(loop, wait, batch, Self.batchCapacity), watches)
    }

    /// As ``poll(wait:watches:)``, waiting for no more than so much real time.
    ///
    /// Precondition: the clock is stopped.
    @inline(__always)
    func poll<Watched: CompletionTarget>(waitingAtMost nanoseconds: UInt64, watches: Watched.Type)
        -> Int
    {
        deliver(unsafe cel_clock_poll(loop, nanoseconds, batch, Self.batchCapacity), watches)
    }

    @inline(__always)
    private func deliver<Watched: CompletionTarget>(_ result: CInt, _ watches: Watched.Type) -> Int
    {
        precondition(
            result >= 0,
            """
            the event loop's own descriptors do not work any more (errno \(-result)): something in this \
            process closed a descriptor that it did not own
            """)
        let count = Int(result)
        delivering = count
        defer { endDelivery() }
        var mustReceive = false
        for index in 0..<count {
            if count > 2 { prefetch(after: index, of: count, watches) }
            let completion = unsafe batch[index]
            switch completion.kind {
            case CEL_KIND_TIMER.rawValue:
                let target = unsafe Self.unmanaged(completion.user)
                unsafe target._withUnsafeGuaranteedRef { $0.deadlinePassed() }
                // SAFETY: the timer is gone, and with it the retain that it owned, if any, passes to us.
                if completion.user & Self.borrows == 0 { unsafe target.release() }
            case CEL_KIND_READY.rawValue:
                var receives = false
                withWatch(at: index, of: count, watches) {
                    receives = $0.becameReady(Readiness(rawValue: completion.events))
                }
                if receives {
                    mustReceive = true
                } else {
                    // Done with, as if it had been a wake-up.
                    unsafe batch[index].kind = CEL_KIND_WAKEUP.rawValue
                }
            default:
                break  // A wake-up: its purpose, a new turn, is served.
            }
        }
        if mustReceive { receive(count, watches) }
        return count
    }

    /// Has those receive who said so, now that all are woken.
    ///
    /// Apart, so that one system call follows another, and the kernel finds its code near; and the code
    /// above, which calls nothing of the kernel, stays near, too. An echo of a thousand connections is
    /// cheaper by 3 % than with a receive after each report.
    @inline(never)
    private func receive<Watched: CompletionTarget>(_ count: Int, _ watches: Watched.Type) {
        for index in 0..<count where unsafe batch[index].kind == CEL_KIND_READY.rawValue {
            unsafe watch(at: index, watches)._withUnsafeGuaranteedRef { $0.receive() }
        }
    }

    /// Brings the memory of completions that come soon nearer: of one the target, of an earlier one
    /// what its target points to, and so on.
    ///
    /// With thousands of targets each of these is a miss, and the next cannot begin before the last has
    /// ended. Here those of several targets overlap.
    ///
    /// The distances: a miss takes as long as the delivery of some five others.
    @inline(__always)
    private func prefetch<Watched: CompletionTarget>(
        after index: Int, of count: Int, _ watches: Watched.Type
    ) {
        let far = index + 20
        if far < count, let target = unsafe UnsafeRawPointer(bitPattern: UInt(batch[far].user)) {
            unsafe Prefetch.memory(at: target, count: 128)
        }
        withWatch(at: index + 13, of: count, watches) { $0.prefetch() }
        withWatch(at: index + 6, of: count, watches) { $0.prefetchMore() }
    }

    /// Shows `body` the target of a completion, if there is such a one, and it is of a registration.
    @inline(__always)
    private func withWatch<Watched: CompletionTarget>(
        at index: Int, of count: Int, _ watches: Watched.Type, _ body: (Watched) -> Void
    ) {
        guard index < count, unsafe batch[index].kind == CEL_KIND_READY.rawValue else { return }
        unsafe watch(at: index, watches)._withUnsafeGuaranteedRef(body)
    }

    /// The target of a completion that is of a registration.
    @inline(__always)
    private func watch<Watched: CompletionTarget>(
        at index: Int, _ watches: Watched.Type
    ) -> Unmanaged<Watched> {
        // SAFETY: the registration was there when the batch was filled, and has kept its target alive; if it has
        // ended since, `noteEnd` does, and says here that there is nothing to tell. Whoever polls knows the type.
        guard let target = unsafe UnsafeRawPointer(bitPattern: UInt(batch[index].user)) else {
            preconditionFailure("a registration without a target")
        }
        assert(
            unsafe Unmanaged<CompletionTarget>.fromOpaque(target).takeUnretainedValue() is Watched,
            "a descriptor is watched for a target of another class")
        return unsafe Unmanaged.fromOpaque(target)
    }

    /// Readable when ``poll(wait:watches:)`` has something to report.
    var descriptor: CInt { unsafe cel_loop_descriptor(loop) }

    /// Makes ``descriptor`` readable in time for the earliest deadline.
    func arm() {
        let result = unsafe cel_loop_arm(loop)
        precondition(result == 0, "the loop's timer descriptor does not work any more: \(result)")
    }

    /// Moves a stopped clock on.
    func advanceClock(by nanoseconds: UInt64) {
        let result = unsafe cel_clock_advance(loop, nanoseconds)
        precondition(result == 0, "only a stopped clock can be moved")
    }

    // MARK: - Deadlines

    /// The earliest deadline in monotonic nanoseconds, if there is one.
    var nextDeadline: UInt64? {
        let deadline = unsafe cel_loop_next_deadline(loop)
        return deadline == .max ? nil : deadline
    }

    var timerCount: Int { Int(unsafe cel_timer_count(loop)) }

    /// Adds a deadline and keeps `target` alive until it has passed or was removed.
    func addTimer(at deadline: UInt64, target: CompletionTarget) -> TimerToken {
        let retained = unsafe Unmanaged.passRetained(target)
        return unsafe addTimer(at: deadline, UInt64(UInt(bitPattern: retained.toOpaque())))
    }

    /// The same for a target that the caller keeps alive until then.
    func addTimer(at deadline: UInt64, borrowing target: CompletionTarget) -> TimerToken {
        let address = unsafe Unmanaged.passUnretained(target).toOpaque()
        return addTimer(at: deadline, UInt64(UInt(bitPattern: address)) | Self.borrows)
    }

    /// Set in a timer's `user` if it does not own a retain of its target.
    private static let borrows: UInt64 = 1

    @inline(__always)
    private func addTimer(at deadline: UInt64, _ user: UInt64) -> TimerToken {
        var token: cel_token = 0
        let result = unsafe cel_timer_add(loop, deadline, user, &token)
        // Swift itself ends the process when memory runs out; so does the table of timers.
        precondition(result == 0, "no memory for a timer")
        return TimerToken(raw: token)
    }

    /// Removes a deadline.
    ///
    /// False if it has passed or was removed before.
    @discardableResult
    func removeTimer(_ token: TimerToken, target: CompletionTarget) -> Bool {
        guard unsafe cel_timer_remove(loop, token.raw) == 0 else { return false }
        // SAFETY: the timer was there, hence its retain was, and `target` is what it was made with.
        unsafe Unmanaged.passUnretained(target).release()
        return true
    }

    /// Removes a deadline that was added with `borrowing`.
    ///
    /// False if it has passed or was removed before.
    @discardableResult
    func removeTimer(_ token: TimerToken) -> Bool { unsafe cel_timer_remove(loop, token.raw) == 0 }

    /// Tells the targets of all timers that the loop has stopped.
    func stopTimers() {
        // Held, and all of them before the first is told: see `noteEnd`.
        // SAFETY: the timer is there, and keeps its target alive, or who has added it does.
        let targets = unsafe (0..<cel_timer_count(loop)).map { place in
            unsafe Self.unmanaged(cel_timer_user(loop, place)).takeUnretainedValue()
        }
        for target in targets { target.loopStopped() }
    }

    // MARK: - Descriptors

    var watchCount: Int { Int(unsafe cel_fd_count(loop)) }

    /// Watches a descriptor that we own, edge-triggered, and keeps `target` alive while it is
    /// watched.
    func watch(_ descriptor: CInt, target: CompletionTarget) throws(SystemError) -> WatchToken {
        var token: cel_token = 0
        let retained = unsafe Unmanaged.passRetained(target)
        let user = unsafe UInt64(UInt(bitPattern: retained.toOpaque()))
        let result = unsafe cel_fd_register(loop, descriptor, CEL_MODE_EDGE, user, &token)
        guard result == 0 else {
            // SAFETY: no registration was made, so the retain for it is ours to give back.
            unsafe retained.release()
            throw SystemError(errno: -result)
        }
        return WatchToken(raw: token)
    }

    /// Stops watching.
    ///
    /// To be called before the descriptor is closed.
    func unwatch(_ token: WatchToken, target: CompletionTarget) {
        guard unsafe cel_fd_deregister(loop, token.raw) == 0 else { return }
        if delivering > 0 { noteEnd(of: token, target) }
        // SAFETY: the registration was there, hence its retain was.
        unsafe Unmanaged.passUnretained(target).release()
    }

    /// Ends a registration while a batch is delivered.
    ///
    /// Targets do not, see ``CompletionTarget``; but one can resume a continuation whose task belongs to an
    /// executor that runs what it is given on the spot, against the rules: then anything may happen here.
    @inline(never)
    private func noteEnd(of token: WatchToken, _ target: CompletionTarget) {
        for index in 0..<delivering {
            // A timer's token may be the same number.
            if unsafe batch[index].kind == CEL_KIND_READY.rawValue,
                unsafe batch[index].token == token.raw
            {
                unsafe batch[index].kind = CEL_KIND_WAKEUP.rawValue
            }
        }
        endedTargets.append(target)
    }

    @inline(__always)
    private func endDelivery() {
        delivering = 0
        if !endedTargets.isEmpty { endedTargets = [] }
    }

    // MARK: - Interrupts

    /// Routes a signal to this loop.
    ///
    /// False if somebody else handles or ignores it.
    func openInterrupt(_ signal: CInt) -> Bool { unsafe cel_interrupt_open(loop, signal) == 0 }

    func takeInterrupt(_ signal: CInt) -> Bool { unsafe cel_interrupt_take(loop, signal) }

    func closeInterrupt(_ signal: CInt) { unsafe cel_interrupt_close(loop, signal) }

    // MARK: - Statistics

    func statistics() -> KernelStatistics {
        var out = cel_statistics()
        unsafe cel_loop_statistics(loop, &out)
        return KernelStatistics(
            polls: out.turns, waits: out.waits, events: out.events, staleEvents: out.stale_events,
            wakeUps: out.wakeups, timersFired: out.timers_fired, spuriousTurns: out.spurious_turns,
            timerArms: out.timer_arms, controlCalls: out.control_calls,
            waitedNanoseconds: out.waited_ns)
    }

    private static func unmanaged(_ user: UInt64) -> Unmanaged<CompletionTarget> {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(user & ~borrows)) else {
            preconditionFailure("a completion without a target")
        }
        return unsafe Unmanaged.fromOpaque(pointer)
    }
}

/// The C loop's counters.
struct KernelStatistics {
    var polls: UInt64
    var waits: UInt64
    var events: UInt64
    var staleEvents: UInt64
    var wakeUps: UInt64
    var timersFired: UInt64
    var spuriousTurns: UInt64
    var timerArms: UInt64
    var controlCalls: UInt64
    var waitedNanoseconds: UInt64
}

/// The table of system calls that a loop uses.
@safe
struct SystemCalls: @unchecked Sendable {
    // SAFETY: tables are immutable while loops use them, and outlive them.
    let table: UnsafePointer<cel_sys>

    init(table: UnsafePointer<cel_sys>) { unsafe self.table = table }

    /// The kernel's own.
    static var kernel: SystemCalls { unsafe SystemCalls(table: cel_sys_default()) }
}
