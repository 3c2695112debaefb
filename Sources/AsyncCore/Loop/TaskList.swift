// The tasks that a loop keeps.

/// The running tasks of a loop, oldest first.
///
/// Owner thread only.
@safe
struct TaskList: ~Copyable {
    // SAFETY: a record is in the list only while its task runs, and the task holds it.
    private var first: Unmanaged<TaskRecord>?
    private var last: Unmanaged<TaskRecord>?

    /// How many tasks run.
    private(set) var count = 0

    /// How many of them the loop awaits at its end: those of no scope.
    private var awaited = 0

    /// How many have run, those that run included.
    private(set) var spawned: UInt64 = 0

    /// Whether no task runs that the loop must await at its end.
    var isEmpty: Bool { awaited == 0 }

    mutating func add(_ record: TaskRecord) {
        let link = unsafe Unmanaged.passUnretained(record)
        unsafe record.previous = last
        if let last = unsafe last {
            unsafe last._withUnsafeGuaranteedRef { unsafe $0.next = link }
        } else {
            unsafe first = link
        }
        unsafe last = link
        count &+= 1
        if !record.isScoped { awaited &+= 1 }
        spawned &+= 1
    }

    mutating func remove(_ record: TaskRecord) {
        let next = unsafe record.next
        let previous = unsafe record.previous
        if let next = unsafe next {
            unsafe next._withUnsafeGuaranteedRef { unsafe $0.previous = previous }
        } else {
            unsafe last = previous
        }
        if let previous = unsafe previous {
            unsafe previous._withUnsafeGuaranteedRef { unsafe $0.next = next }
        } else {
            unsafe first = next
        }
        unsafe record.next = nil
        unsafe record.previous = nil
        count &-= 1
        if !record.isScoped { awaited &-= 1 }
    }

    /// Cancels all but those of a scope, which their scope cancels.
    ///
    /// A handler that runs meanwhile may make jobs ready, but runs none.
    func cancelAll() { forEach { if !$0.isScoped { $0.cancel() } } }

    func forEach(_ body: (TaskRecord) -> Void) {
        var link = unsafe first
        while let current = unsafe link {
            // SAFETY: what is in the list is alive; see above.
            let record = unsafe current.takeUnretainedValue()
            unsafe link = record.next
            body(record)
        }
    }
}
