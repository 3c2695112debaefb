// Which children a task scope has, and what went wrong in it.

/// The state of a ``TaskScope``, guarded by its monitor.
struct TaskScopeState: Sendable {
    /// Names a child while it runs.
    typealias Key = UInt64

    /// The children that run; nil for one that is just being spawned.
    private var children: [Key: TaskRecord?] = [:]
    private var nextKey: Key = 0

    /// The errors of the body and the children, in the order in which they came.
    private(set) var errors: [any Error] = []

    /// Whether the body, or a child, ended because it was cancelled.
    private(set) var wasInterrupted = false

    /// Whether the children have been cancelled; those to come are born cancelled.
    private(set) var isCancelled = false

    /// Whether the scope is over: the body has ended, and so have all children.
    private(set) var isOver = false

    /// The body, when it has ended and waits for the children.
    let closing = WaiterQueue<Void, Void>()

    var running: Int { children.count }
    var spawned: UInt64 { nextKey }

    /// A child is about to be spawned; nil if the scope is over.
    mutating func add() -> Key? {
        if isOver { return nil }
        defer { nextKey += 1 }
        children[nextKey] = .some(nil)
        return nextKey
    }

    /// The child has been spawned; true if it is to be cancelled.
    mutating func attach(_ key: Key, _ child: TaskRecord) -> Bool {
        // It may have ended already, on the loop's thread.
        if children[key] != nil { children[key] = child }
        return isCancelled
    }

    /// A child has ended; its handle, to let go of without the lock.
    mutating func remove(_ key: Key, _ wakeups: inout Wakeups) -> TaskRecord? {
        let child = children.removeValue(forKey: key) ?? nil
        // Decided here: the body may run later, and nothing may come in between.
        if children.isEmpty, !closing.isEmpty {
            isOver = true
            closing.grantAll((), &wakeups)
        }
        return child
    }

    /// The body has ended; true if no child runs, else the place waits until that is so.
    mutating func close(_ place: WaiterQueue<Void, Void>.Place?) -> Bool {
        if children.isEmpty {
            isOver = true
        } else {
            closing.append(place)
        }
        return isOver
    }

    /// All children are to be cancelled, oldest first.
    mutating func cancel() -> [TaskRecord] {
        isCancelled = true
        return children.sorted { $0.key < $1.key }.compactMap(\.value)
    }

    /// The body or a child failed.
    ///
    /// An error that was handed on, by awaiting the child's handle for instance, counts once.
    mutating func add(_ error: any Error) {
        if !errors.contains(where: { SameError.check($0, error) }) { errors.append(error) }
    }

    mutating func noteInterruption() { wasInterrupted = true }
}
