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
    private var head: Place?
    private unowned(unsafe) var last: Place?
    // Not checked for overlapping accesses at run time: each operation of a primitive looks at it.
    @exclusivity(unchecked) @usableFromInline var length = 0

    /// How many tasks wait.
    @inlinable public var count: Int { unsafe length }

    /// An empty queue.
    public init() {}

    /// Whether nobody waits.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// The place at the head of the queue, if any.
    ///
    /// Its task may have been cancelled already, without having left yet.
    public var first: Place? { head }

    /// Puts a place at the end; nil does nothing.
    ///
    /// - Precondition: The place is in no queue.
    public func append(_ place: Place?) {
        guard let place else { return }
        precondition(unsafe place.queue == nil, "a waiting task is in one queue at a time")
        unsafe place.queue = self
        unsafe place.previous = last
        if let last = unsafe last { last.next = place } else { head = place }
        unsafe last = place
        unsafe length += 1
    }

    /// Takes a place out.
    ///
    /// - Returns: False if it is not in this queue.
    @discardableResult
    public func remove(_ place: Place) -> Bool {
        guard unsafe place.queue === self else { return false }
        let next = place.next
        let previous = unsafe place.previous
        if let next { unsafe next.previous = previous } else { unsafe last = previous }
        if let previous { previous.next = next } else { head = next }
        place.next = nil
        unsafe place.previous = nil
        unsafe place.queue = nil
        unsafe length -= 1
        return true
    }

    /// Takes the first place out.
    ///
    /// - Returns: The place; nil if nobody waits.
    public func popFirst() -> Place? {
        guard let head else { return nil }
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
        var next = head
        while let place = next {
            next = place.next
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
        // membership; `previous` is a place of the same queue.
        fileprivate var next: Place?
        fileprivate unowned(unsafe) var previous: Place?
        fileprivate unowned(unsafe) var queue: WaiterQueue?
        fileprivate let waiter: Waiter
        fileprivate var result: Result<Grant, any Error>?

        /// What the task asked for.
        public let request: Request

        init(_ request: Request, _ waiter: Waiter) {
            self.request = request
            self.waiter = waiter
        }

        /// What the task was handed.
        ///
        /// Waiting task only, once, after its wait was completed.
        func take() throws -> Grant {
            guard let result else { preconditionFailure("a wait was completed without a grant") }
            return try result.get()
        }

        /// The wait was cancelled.
        func leave() { _ = unsafe queue?.remove(self) }

        /// The task need not wait after all.
        func giveUp(_ core: LoopCore?) {
            precondition(
                unsafe queue == nil, "a task is in a queue, and got what it wanted as well")
            waiter.abandon()
            core?.recycle(waiter)
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
        // Before the claim: a task that has not suspended yet goes on at once.
        place.result = result
        switch place.waiter.claim(.completed) {
        case .lost:
            place.result = nil
            return false
        case .won: break
        case .wonSuspended:
            if first == nil { first = place.waiter } else { others.append(place.waiter) }
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
