// Who has tokens of a CapacityLimiter, and who waits for one.

/// Who borrows: a task, or an object that is kept alive meanwhile.
///
/// Known by its identity, so that comparing calls nothing of the user's under the limiter's lock.
struct Borrower: Sendable, Hashable {
    /// The number of the task, which no other ever has; or the object's address.
    private let identity: UInt
    private let object: (any AnyObject & Sendable)?

    init(_ task: TaskIdentity) {
        identity = task.ownerNumber
        object = nil
    }

    init(_ object: some AnyObject & Sendable) {
        identity = UInt(bitPattern: ObjectIdentifier(object))
        self.object = object
    }

    /// The calling task; throws if there is none.
    static var currentTask: Borrower {
        get throws(CapacityError) {
            guard let task = TaskIdentity.current else { throw .noTask }
            return Borrower(task)
        }
    }

    static func == (left: Self, right: Self) -> Bool {
        left.identity == right.identity && (left.object == nil) == (right.object == nil)
    }

    func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}

/// What a ``CapacityLimiter`` guards.
///
/// Under its monitor's lock only. Whoever calls holds the borrower as well, so that no object goes
/// with the last reference in here.
struct LimiterState: Sendable {
    var total: Int
    let queue = WaiterQueue<Borrower, Void>()

    private var borrowers: Set<Borrower> = []
    private var applicants: Set<Borrower> = []

    init(total: Int) { self.total = total }

    var borrowed: Int { borrowers.count }

    /// Lends a token, if nobody is before the borrower, or queues it.
    mutating func take(
        _ borrower: Borrower, _ place: WaiterQueue<Borrower, Void>.Place?
    ) throws(CapacityError) -> Void? {
        if borrowers.contains(borrower) || applicants.contains(borrower) {
            throw .alreadyBorrowing
        }
        if queue.isEmpty, borrowed < total {
            borrowers.insert(borrower)
            return ()
        }
        if let place {
            applicants.insert(borrower)
            queue.append(place)
        }
        return nil
    }

    /// Lends tokens to those at the head of the queue, as far as they suffice.
    mutating func serve(_ wakeups: inout Wakeups) {
        while borrowed < total, let first = queue.popFirst() {
            let borrower = first.request
            if wakeups.grant(first, ()) {
                applicants.remove(borrower)
                borrowers.insert(borrower)
            }
        }
    }

    mutating func giveBack(_ borrower: Borrower) throws(CapacityError) {
        if borrowers.remove(borrower) == nil { throw .notBorrowing }
    }

    /// The borrower waits no longer.
    mutating func forget(_ borrower: Borrower) { applicants.remove(borrower) }
}
