// A fair queue of waiting tasks, on which the primitives stand.

/// Tasks that wait in line, and are handed what they wait for: trio's parking lot, with values.
///
/// Part of the state of a ``Monitor``, whose lock guards it; see there for an example. Hand-over
/// happens under that lock: from the moment that a place is granted something, its task has it. A
/// task that was cancelled, and is still in the queue, refuses the grant, which goes to the next.
///
/// ## Isolation
/// Inside the critical sections of its monitor only.
public final class WaiterQueue<Request: Sendable, Grant: Sendable>: @unchecked Sendable {
    // SAFETY: guarded by the lock of the monitor that it is used with. The queue owns its places
    // through the links forward; the links backward, and `last`, refer to places that are in it.
    // What is not checked for overlapping accesses is read and written, and calls nothing.
    @exclusivity(unchecked) private var head: Place?
    @exclusivity(unchecked) private unowned(unsafe) var last: Place?
    @exclusivity(unchecked) @usableFromInline var length = 0

    /// An empty queue.
    public init() {}

    /// How many tasks wait.
    @inlinable public var count: Int { unsafe length }

    /// Whether nobody waits.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// The place at the head of the queue, if any.
    ///
    /// Its task may have been cancelled already, without having left yet.
    public var first: Place? { unsafe head }

    /// Puts a place at the end; nil does nothing.
    ///
    /// - Precondition: The place is in no queue.
    public func append(_ place: Place?) {
        guard let place else { return }
        precondition(unsafe place.queue == nil, "a waiting task is in one queue at a time")
        unsafe place.queue = self
        unsafe place.previous = last
        if let last = unsafe last { unsafe last.next = place } else { unsafe head = place }
        unsafe last = place
        unsafe length += 1
    }

    /// Takes a place out.
    ///
    /// - Returns: False if it is not in this queue.
    @discardableResult
    public func remove(_ place: Place) -> Bool {
        guard unsafe place.queue === self else { return false }
        let next = unsafe place.next
        let previous = unsafe place.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { unsafe previous.next = next } else { unsafe head = next }
        unsafe place.next = nil
        unsafe place.previous = nil
        unsafe place.queue = nil
        unsafe length -= 1
        return true
    }

    /// Takes the first place out.
    ///
    /// - Returns: The place; nil if nobody waits.
    public func popFirst() -> Place? {
        guard let head = unsafe head else { return nil }
        remove(head)
        return head
    }

    /// Hands `grant` to the first in line that still waits.
    ///
    /// - Returns: False if there is none; then the grant stays with the caller.
    @discardableResult
    public func grantFirst(_ grant: Grant, _ wakeups: inout Wakeups) -> Bool {
        while let place = popFirst() {
            if wakeups.grant(place, grant) { return true }
        }
        return false
    }

    /// Hands `grant` to all.
    ///
    /// - Returns: How many got it.
    @discardableResult
    public func grantAll(_ grant: Grant, _ wakeups: inout Wakeups) -> Int {
        var granted = 0
        while let place = popFirst() {
            if wakeups.grant(place, grant) { granted += 1 }
        }
        return granted
    }

    /// Ends all waits with an error.
    public func failAll(_ error: any Error, _ wakeups: inout Wakeups) {
        while let place = popFirst() { wakeups.fail(place, error) }
    }

    /// Ends the waits whose request is one of those, with an error.
    public func failAll(
        _ error: any Error, _ wakeups: inout Wakeups, where isMeant: (Request) -> Bool
    ) {
        var next = unsafe head
        while let place = next {
            next = unsafe place.next
            if isMeant(place.request) {
                remove(place)
                wakeups.fail(place, error)
            }
        }
    }

    deinit {
        // One by one: a long chain of owners would be freed by recursion.
        while popFirst() != nil {}
    }

    /// One task's place in line.
    ///
    /// ## Isolation
    /// Inside the critical sections of its monitor only.
    public final class Place: @unchecked Sendable {
        // SAFETY: guarded by the lock of the monitor that it is used with. `result` is written
        // before the wait is claimed, and read by the waiting task afterwards. `queue` outlives the
        // membership; `previous` is a place of the same queue. `waiter` and `request` are changed
        // by the waiting task alone, while nobody else has a reference to the place. What is not
        // checked for overlapping accesses is read and written, and calls nothing.
        @exclusivity(unchecked) fileprivate var next: Place?
        @exclusivity(unchecked) fileprivate unowned(unsafe) var previous: Place?
        @exclusivity(unchecked) fileprivate unowned(unsafe) var queue: WaiterQueue?
        @exclusivity(unchecked) fileprivate var result: Result<Grant, any Error>?
        /// Nil between two uses.
        @exclusivity(unchecked) fileprivate var waiter: Waiter?
        @exclusivity(unchecked) private var asked: Request

        /// What the task asked for.
        public var request: Request { unsafe asked }

        init(_ request: Request, _ waiter: Waiter) {
            unsafe asked = request
            unsafe self.waiter = waiter
        }

        /// A place for a wait that was begun: the one of the waiter's last wait, if that is of the
        /// same kind.
        static func make(_ request: Request, _ waiter: Waiter) -> Place {
            guard let spare = unsafe waiter.spare, type(of: spare) == Place.self else {
                return Place(request, waiter)
            }
            // SAFETY: its type has been looked at; it is a final class.
            let place = unsafe unsafeDowncast(spare, to: Place.self)
            unsafe waiter.spare = nil
            unsafe place.asked = request
            unsafe place.waiter = waiter
            return place
        }

        /// Leaves the place with its waiter, to be used again, after the wait has ended.
        ///
        /// Not if the one who granted has not let go of it yet, nor if it would keep something of
        /// the user's alive.
        static func recycle(_ place: inout Place, _ waiter: Waiter) {
            guard _isPOD(Request.self), isKnownUniquelyReferenced(&place) else { return }
            unsafe place.waiter = nil
            unsafe waiter.spare = place
        }

        /// What the task was handed.
        ///
        /// Waiting task only, once, after its wait was completed.
        func take() throws -> Grant {
            guard let result = unsafe result else {
                preconditionFailure("a wait was completed without a grant")
            }
            unsafe self.result = nil
            return try result.get()
        }

        /// Whether the task was handed something that it has not taken yet.
        var isGranted: Bool { unsafe result != nil }

        /// The wait was cancelled.
        func leave() { _ = unsafe queue?.remove(self) }

        /// The task need not wait after all.
        func giveUp() {
            precondition(
                unsafe queue == nil, "a task is in a queue, and got what it wanted as well")
            unsafe waiter?.abandon()
        }
    }
}

/// Collects, under a monitor's lock, the tasks to make ready once it is let go.
///
/// Given to the critical sections of a ``Monitor``.
public struct Wakeups: ~Copyable {
    @usableFromInline var first: Waiter?
    @usableFromInline var others: [Waiter] = []

    @inlinable
    init() {}

    /// Hands `grant` to a place that was taken out of its queue.
    ///
    /// - Returns: False if its task was cancelled before; then the grant stays with the caller.
    @discardableResult
    public mutating func grant<Request, Grant>(
        _ place: WaiterQueue<Request, Grant>.Place, _ grant: Grant
    ) -> Bool {
        finish(place, .success(grant))
    }

    /// Ends the wait of a place, that was taken out of its queue, with an error.
    ///
    /// - Returns: False if its task was cancelled before.
    @discardableResult
    public mutating func fail<Request, Grant>(
        _ place: WaiterQueue<Request, Grant>.Place, _ error: any Error
    ) -> Bool {
        finish(place, .failure(error))
    }

    private mutating func finish<Request, Grant>(
        _ place: WaiterQueue<Request, Grant>.Place, _ result: Result<Grant, any Error>
    ) -> Bool {
        // SAFETY: guarded by the monitor's lock, which the critical section that has us holds.
        precondition(
            unsafe place.queue == nil, "a place is granted something, and stays in its queue")
        guard let waiter = unsafe place.waiter else {
            preconditionFailure("a place is granted something after its wait has ended")
        }
        // Before the claim: a task that has not suspended yet goes on at once.
        unsafe place.result = result
        switch waiter.claim(.completed) {
        case .lost:
            unsafe place.result = nil
            return false
        case .won: break
        case .wonSuspended:
            if first == nil { first = waiter } else { others.append(waiter) }
        }
        return true
    }

    /// Makes them ready, in the order in which they were granted.
    ///
    /// No lock may be held.
    @inlinable @inline(__always)
    func resume() {
        if first != nil { resumeAll() }
    }

    @usableFromInline
    func resumeAll() {
        first?.resume()
        for waiter in others { waiter.resume() }
    }
}
