// The shortest wait: that of a task with a standing waiter, for something which only the loop's thread
// reports. Whatever an echo server does for a message, it does this once.

/// A wait of the calling task that nobody knows of until the task has suspended, by
/// ``parkTask(_:)``.
///
/// So it takes one exchange to begin, and one to end; a cancellation finds the waiter by itself.
/// References are not counted.
///
/// Thread of the loop only.
@safe
struct StandingWait {
    // SAFETY: a task's standing waiter is held for as long as the task has it, and has no end while the task
    // is in a wait.
    let waiter: Unmanaged<Waiter>

    /// Nil if the calling task has no standing waiter on `core`, or must suspend by a continuation: see
    /// ``Parking/takes(_:)``.
    ///
    /// - Parameters:
    ///   - what: What the wait is for.
    ///   - core: The loop whose thread ends it.
    ///   - caller: The calling task.
    ///   - memory: What the task will look at when it goes on; nil: what it has said before.
    @inline(__always)
    init?(
        _ what: StaticString, on core: LoopCore, _ caller: Caller, _ memory: NearMemory? = nil
    ) {
        guard Parking.takes(caller, on: core),
            let waiter = unsafe caller.task.unretainedStandingWaiter
        else { return nil }
        let book = core.waitBook
        let isHere = unsafe waiter._withUnsafeGuaranteedRef { waiter in
            if waiter.book !== book { return false }
            waiter.describe(what, since: book.now)
            if let memory { unsafe waiter.memory = memory }
            return true
        }
        if !isHere { return nil }
        unsafe self.waiter = waiter
    }

    /// The wait that the calling task was parked with.
    @inline(__always)
    init(_ address: UInt) {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else {
            preconditionFailure("a wait of nobody")
        }
        unsafe waiter = .fromOpaque(pointer)
    }

    /// What to park the task with.
    @inline(__always)
    var address: UInt { UInt(bitPattern: unsafe waiter.toOpaque()) }

    /// Has the wait end at `deadline`, if not before.
    ///
    /// The timer does not hold the waiter: to be removed unless it has ended the wait.
    @inline(__always)
    func setTimer(on poller: Poller, at deadline: UInt64) {
        unsafe waiter._withUnsafeGuaranteedRef {
            unsafe $0.timer = poller.addTimer(at: deadline, borrowing: $0)
        }
    }

    /// False if it has ended the wait.
    @inline(__always) @discardableResult
    func removeTimer(from poller: Poller) -> Bool {
        unsafe waiter._withUnsafeGuaranteedRef { unsafe poller.removeTimer($0.timer) }
    }

    /// How it ended, once the task goes on.
    @inline(__always)
    var outcome: Waiter.Outcome { unsafe waiter._withUnsafeGuaranteedRef { $0.outcome } }
}

/// Who calls an async function: asked for once, as the runtime has to be asked.
///
/// Made in tasks only.
struct Caller {
    let task = TaskIdentity.running
    /// Whether it is isolated to an actor.
    let isIsolated: Bool

    @inline(__always)
    init(_ isolation: (any Actor)?) { isIsolated = isolation != nil }
}

/// The addresses of what a task will look at when it goes on; 0 for none.
///
/// A stream leads to its socket, the socket to its state: with thousands of connections each is a miss,
/// and none can begin before the last has ended. Somebody who knows them all can ask for all at once.
struct NearMemory {
    // Of the main one two lines are asked for, of the others one.
    private var main: UInt = 0
    private var others: (UInt, UInt, UInt) = (0, 0, 0)

    init() {}

    /// What a read looks at, `buffer` being what it writes to.
    init(stream: UInt, socket: UInt, state: UInt, buffer: UInt) {
        main = socket
        others = (stream, state, buffer)
    }

    /// What a spawned task looks at when it begins, and when it ends.
    ///
    /// `captured` is what its operation has captured.
    init(record: TaskRecord, captured: UInt) {
        main = UInt(bitPattern: ObjectIdentifier(record))
        others.0 = captured
    }

    /// Whether the task has not said more than when it was spawned, as one that sleeps once: so it is more
    /// likely to end than to wait again.
    @inline(__always)
    var isOfSpawnedTask: Bool { main != 0 && others.1 == 0 }

    /// Asks for it.
    ///
    /// By then some of it may be gone, which does no harm.
    @inline(__always)
    func prefetch() {
        if main == 0 { return }
        Prefetch.memory(at: main, count: 128)
        Prefetch.memory(at: others.0, count: 64)
        Prefetch.memory(at: others.1, count: 64)
        Prefetch.memory(at: others.2, count: 64)
    }
}
