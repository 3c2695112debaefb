// A queue between tasks that produce and tasks that consume.

/// A bounded queue of elements: asyncio's `Queue`, `LifoQueue` and `PriorityQueue`.
///
/// Who puts into a full queue waits for room, and who gets from an empty one waits for an element:
/// each side is served first come, first served, and nobody overtakes. An element is handed over at
/// the moment when it is there; from then on it belongs to the task that waited for it.
///
/// ```swift
/// let jobs = AsyncQueue<Job>(capacity: 100)
/// let worker = spawn {
///     for try await job in jobs {
///         await job.run()
///         try jobs.taskDone()
///     }
/// }
/// for job in work { try await jobs.put(job) }
/// try await jobs.join()  // all are done
/// jobs.shutdown()        // the worker's loop ends
/// ```
///
/// As a sequence, a queue gives its elements until it is shut down and empty. Several tasks may get,
/// or iterate, at once: each element goes to one of them. Knows no loop: it can be made anywhere,
/// and used from several loops and threads; each task resumes where it belongs.
///
/// ## Cancellation
/// *Loses its place*: a task that is cancelled while it waits has put, or got, nothing. One that was
/// handed an element, or whose element was taken over, before it was cancelled returns as if it were
/// not; the cancellation is seen at its next wait. So no element is lost, and none is put twice.
///
/// ## Isolation
/// *Any task*; what is not `async` also from synchronous code.
public final class AsyncQueue<Element: Sendable>: Sendable {
    /// In which order elements leave a queue.
    public enum Order: Sendable {
        /// First in, first out.
        case fifo
        /// Last in, first out.
        case lifo
        /// The lowest number first, and of equal ones the oldest.
        ///
        /// The number of an element is asked for once, when it is put.
        case priority(by: @Sendable (Element) -> Int)
    }

    @usableFromInline let monitor: Monitor<QueueState<Element>>
    @usableFromInline let priority: (@Sendable (Element) -> Int)?

    /// A queue with a bound.
    ///
    /// - Parameters:
    ///   - capacity: How many elements can wait in it.
    ///   - order: In which order they leave.
    /// - Precondition: The capacity is 1 or more. A queue without a bound is made by
    ///   ``unbounded(order:)``.
    public convenience init(capacity: Int, order: Order = .fifo) {
        precondition(
            capacity > 0,
            "a queue has room for at least 1 element, not \(capacity); see AsyncQueue.unbounded()")
        self.init(limit: capacity, order)
    }

    /// A queue without a bound: whoever puts never waits.
    ///
    /// If elements come faster than they are taken, it grows until the memory ends. Use it only
    /// where something else limits how many there can be.
    ///
    /// - Parameter order: In which order elements leave.
    /// - Returns: An empty queue.
    public static func unbounded(order: Order = .fifo) -> AsyncQueue {
        AsyncQueue(limit: .max, order)
    }

    private init(limit: Int, _ order: Order) {
        switch order {
        case .fifo:
            monitor = Monitor(QueueState(capacity: limit, order: .oldest))
            priority = nil
        case .lifo:
            monitor = Monitor(QueueState(capacity: limit, order: .newest))
            priority = nil
        case .priority(let priority):
            monitor = Monitor(QueueState(capacity: limit, order: .lowestPriority))
            self.priority = priority
        }
    }

    // MARK: - Putting

    /// Puts an element, and waits for room before if the queue is full.
    ///
    /// ## Cancellation
    /// *Loses its place*; the element was not put then.
    ///
    /// - Parameter element: What to put.
    /// - Throws: `CancellationError`; ``QueueError/shutDown``.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func put(_ element: Element) async throws {
        // Before the lock is taken, as this is code of the user's.
        let priority = self.priority?(element) ?? 0
        let mayFinish = LoopCore.mayFinishAtOnce
        if mayFinish, try tryPut(element, priority) { return }
        try await putInLine(element, priority, hasLooked: mayFinish)
    }

    @usableFromInline
    nonisolated(nonsending) func putInLine(
        _ element: Element, _ priority: Int, hasLooked: Bool
    ) async throws {
        let offer = Exchange.Offer(
            .element(element, priority: priority), of: ObjectIdentifier(self))
        try await monitor.wait("AsyncQueue.put", offer, hasLooked: hasLooked) {
            state, wakeups, place in
            try state.put(element, priority: priority, place, &wakeups)
        } onLeave: { state, wakeups in
            state.exchange.serve(&wakeups)
        }
    }

    /// Puts an element if there is room.
    ///
    /// - Parameter element: What to put.
    /// - Returns: False if the queue is full.
    /// - Throws: ``QueueError/shutDown``.
    @inlinable
    public func tryPut(_ element: Element) throws(QueueError) -> Bool {
        try tryPut(element, priority?(element) ?? 0)
    }

    @inlinable @inline(__always)
    func tryPut(_ element: Element, _ priority: Int) throws(QueueError) -> Bool {
        try monitor.withLock { state, wakeups throws(QueueError) in
            try state.put(element, priority: priority, nil, &wakeups) != nil
        }
    }

    // MARK: - Getting

    /// Takes the next element, and waits for one if the queue is empty.
    ///
    /// ## Cancellation
    /// *Loses its place*; an element that was handed over already is returned.
    ///
    /// - Returns: The element.
    /// - Throws: `CancellationError`; ``QueueError/shutDown`` once the queue is shut down and empty.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func get() async throws -> Element {
        let mayFinish = LoopCore.mayFinishAtOnce
        if mayFinish, let element = try tryGet() { return element }
        return try await getInLine(hasLooked: mayFinish)
    }

    @usableFromInline
    nonisolated(nonsending) func getInLine(hasLooked: Bool) async throws -> Element {
        try await monitor.wait("AsyncQueue.get", ObjectIdentifier(self), hasLooked: hasLooked) {
            state, wakeups, place in
            try state.get(place, &wakeups)
        }
    }

    /// Takes the next element if there is one.
    ///
    /// - Returns: The element; nil if the queue is empty now.
    /// - Throws: ``QueueError/shutDown`` once the queue is shut down and empty.
    @inlinable
    public func tryGet() throws(QueueError) -> Element? {
        try monitor.withLock { state, wakeups throws(QueueError) in try state.get(nil, &wakeups) }
    }

    /// Takes the elements that are there, and waits for one if there is none.
    ///
    /// Never waits for a second element. With several consumers, each gets what was there when its
    /// turn came.
    ///
    /// ## Cancellation
    /// As ``get()``.
    ///
    /// - Parameter limit: How many elements to take at most; 1 or more.
    /// - Returns: Elements in their order; at least one.
    /// - Throws: As ``get()``.
    /// - Precondition: The limit is 1 or more.
    public nonisolated(nonsending) func get(upTo limit: Int) async throws -> [Element] {
        precondition(limit > 0, "a batch has at least 1 element, not \(limit)")
        var elements = [try await get()]
        monitor.withLock { state, wakeups in
            state.exchange.take(upTo: limit, into: &elements, &wakeups)
        }
        return elements
    }

    // MARK: - Work that is done

    /// Reports that one element that was got has been dealt with.
    ///
    /// - Throws: ``QueueError/taskDoneTooOften`` if nothing is unfinished.
    public func taskDone() throws(QueueError) {
        try monitor.withLock { state, wakeups throws(QueueError) in try state.markDone(&wakeups) }
    }

    /// Waits until every element that was put has been reported as done.
    ///
    /// Returns at once if nothing is unfinished. Elements that an immediate shutdown drops count as
    /// done.
    ///
    /// ## Cancellation
    /// *Loses its place*.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func join() async throws {
        try await monitor.wait("AsyncQueue.join", ()) { state, _, place in
            if state.unfinished == 0 { return () }
            state.joining.append(place)
            return nil
        }
    }

    // MARK: - The end

    /// Ends the queue: nothing can be put any more, and who waits for room fails.
    ///
    /// Elements that are there can still be got, unless the shutdown is immediate. Who waits for an
    /// element fails, as none will come. A second call can only make the shutdown immediate.
    ///
    /// - Parameter immediate: Drops the elements that are there, and counts them as done. Those that
    ///   were got before still have to be reported.
    public func shutdown(immediate: Bool = false) {
        monitor.withLockReleasing { state, wakeups in
            state.shutDown(immediately: immediate, &wakeups)
        }
    }

    // MARK: - Looking

    /// How a queue stands.
    public struct Statistics: Sendable, Equatable {
        /// Elements in the queue.
        public var count: Int
        /// How many it has room for; nil without a bound.
        public var capacity: Int?
        /// Elements that were put, and not reported as done.
        public var unfinished: Int
        /// Tasks that wait for room.
        public var waitingPutters: Int
        /// Tasks that wait for an element.
        public var waitingGetters: Int
        /// Elements that were put since the queue was made.
        public var put: UInt64
    }

    /// How the queue stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            let exchange = state.exchange
            return Statistics(
                count: exchange.buffer.count,
                capacity: exchange.capacity == .max ? nil : exchange.capacity,
                unfinished: state.unfinished, waitingPutters: exchange.givers.count,
                waitingGetters: exchange.takers.count, put: exchange.received)
        }
    }

    /// How many elements are in the queue now.
    public var count: Int { monitor.withLock { state in state.exchange.buffer.count } }

    /// Whether nothing is in the queue now.
    public var isEmpty: Bool { count == 0 }
}
