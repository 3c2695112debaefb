// One watched descriptor: who waits for it, and how a wait for readiness ends.

/// The loop's record of a descriptor that a stream or a listener uses, and the descriptor's owner:
/// it is closed here, once, after it was deregistered.
///
/// Owner thread only. At most one task waits for reading and one for writing. An event, a
/// cancellation, ``close()`` and the loop's stop race; the waiter decides who wins, and the edge is
/// kept in the state's readiness, so nothing is lost when a cancellation wins over an event. What was
/// received for a reader, once an event has won, is kept in the state until the reader goes on.
@safe
final class DescriptorWatch: CompletionTarget {
    // SAFETY: whoever made the watch holds the core for longer than the watch. A watch is in the
    // core's list only while it is registered, and the registration holds it. A waiting task holds
    // its waiter, and takes it off its place before it lets go.

    enum Direction { case read, write }

    /// What the hot path looks at, through a pointer of its own.
    @safe
    struct State {
        // SAFETY: as for the watch.
        // Waiters are not counted: a round trip of an echo server would pay for it four times.
        fileprivate var reader: Unmanaged<Waiter>?
        fileprivate var writer: Unmanaged<Waiter>?
        fileprivate(set) var descriptor: CInt = -1
        /// What has been reported, and not been used up since: the owner's to clear.
        var readiness: Readiness = []
        /// The owner's, and not looked at here: beside the rest, as each operation touches both.
        var use = SocketUse()
        /// What is received for the reader when its wait ends.
        var pending = PendingReceive()

        /// Notes a wait that begins, or, with nil, that it is over.
        @inline(__always)
        mutating func note(_ wait: StandingWait?, _ direction: Direction) {
            unsafe set(wait?.waiter, direction)
        }

        /// Notes what a receive that had so much room says of what is left: its result is the number of
        /// bytes, or `-errno`.
        @inline(__always)
        mutating func settle(received result: Int, of room: Int) {
            if result >= 0 {
                // A short read means "drained", which saves the read that would only say EAGAIN; but not when
                // the end has been reported: data and end that came together give one edge, and the end must
                // still be read.
                if result < room, readiness.isDisjoint(with: .final) {
                    readiness.subtract(.readable)
                }
            } else if SystemError(errno: CInt(-result)).wouldBlock {
                // All of it: after an error was reported and fetched there may be nothing, and no further
                // edge for what was said.
                readiness.subtract(.endsReadWait)
            }
        }

        @inline(__always)
        fileprivate mutating func set(_ waiter: Unmanaged<Waiter>?, _ direction: Direction) {
            if direction == .read { unsafe reader = waiter } else { unsafe writer = waiter }
        }

        /// Takes whoever waits in that direction off its place.
        @inline(__always)
        fileprivate mutating func take(_ direction: Direction) -> Unmanaged<Waiter>? {
            guard let waiter = unsafe direction == .read ? reader : writer else { return nil }
            unsafe set(nil, direction)
            return unsafe waiter
        }
    }

    unowned(unsafe) let core: LoopCore
    let state = Confined(alignedToLine: State())
    private let waiterPool: Confined<WaiterPool>
    private var token: WatchToken?

    // Links of the loop's list of watches.
    var next: DescriptorWatch?
    unowned(unsafe) var previous: DescriptorWatch?

    init(core: LoopCore) {
        unsafe self.core = core
        waiterPool = core.waiterPool
    }

    deinit {
        _ = state.value.pending.take().flatMap { PooledBytes($0.bytes) }
        state.deallocate()
    }

    /// The descriptor; -1 once closed.
    var descriptor: CInt { @inline(__always) get { state.value.descriptor } }

    var isOpen: Bool { @inline(__always) get { state.value.descriptor >= 0 } }

    /// Whether a task waits for the descriptor.
    var isAwaited: Bool {
        unsafe state.value.reader != nil || state.value.writer != nil
    }

    /// Registers the descriptor and takes it over.
    ///
    /// If that fails, the descriptor stays the caller's.
    func open(_ descriptor: CInt) throws(SystemError) {
        token = try unsafe core.poller.watch(descriptor, target: self)
        state.value.descriptor = descriptor
        unsafe core.watches.add(self)
    }

    /// Deregisters and closes the descriptor, and wakes those who wait, with `outcome`.
    ///
    /// - Returns: What close(2) had to say, if it was not good. The descriptor is released all the
    ///   same.
    @discardableResult
    func close(_ outcome: Waiter.Outcome = .closed) -> SystemError? {
        guard let token = token else { return nil }
        let descriptor = state.value.descriptor
        self.token = nil
        state.value.descriptor = -1
        state.value.readiness = []
        unsafe core.watches.remove(self)
        unsafe core.poller.unwatch(token, target: self)
        let error = unsafe Socket.close(descriptor, core.systemCalls)
        wake(outcome)
        return error
    }

    /// Waits until an event has been reported in that direction.
    ///
    /// The caller has seen EAGAIN and cleared the readiness. Precondition: nobody else waits in
    /// that direction.
    @inline(never)
    nonisolated(nonsending) func wait(
        _ direction: Direction, _ what: StaticString
    ) async -> Waiter.Outcome {
        guard let waiter = prepare(direction, what) else {
            return isOpen ? .cancelled : unsafe (core.isStopped ? .stopped : .closed)
        }
        let outcome = await waiter.wait()
        finish(direction, waiter)
        return outcome
    }

    /// The same, until a deadline at most, which counts as an event.
    nonisolated(nonsending) func wait(
        _ direction: Direction, until deadline: UInt64, _ what: StaticString
    ) async -> Waiter.Outcome {
        guard let waiter = prepare(direction, what) else {
            return isOpen ? .cancelled : unsafe (core.isStopped ? .stopped : .closed)
        }
        let outcome = await unsafe core.wait(waiter, until: deadline)
        finish(direction, waiter)
        return outcome
    }

    /// A waiter that is in its place; nil if there is nothing to wait for.
    @inline(__always)
    private func prepare(_ direction: Direction, _ what: StaticString) -> Waiter? {
        // A loop that has stopped has closed its watches.
        if !isOpen { return nil }
        let waiter = waiterPool.value.make()
        guard waiter.begin(what) else { return nil }
        unsafe state.value.set(.passUnretained(waiter), direction)
        return waiter
    }

    /// Takes the waiter off its place, if an event or the end has not done so.
    @inline(__always)
    private func finish(_ direction: Direction, _ waiter: Waiter) {
        // One wait at a time in each direction: what is in its place is ours.
        unsafe state.value.set(nil, direction)
        waiterPool.value.recycle(waiter)
    }

    @inline(__always)
    override func becameReady(_ readiness: Readiness) -> Bool {
        state.value.readiness.formUnion(readiness)
        let wakesReader = !readiness.isDisjoint(with: .endsReadWait) && complete(.read)
        if !readiness.isDisjoint(with: .endsWriteWait) { complete(.write) }
        return wakesReader && state.value.pending.room > 0
    }

    /// Receives for the reader, whose wait has ended: nobody else can end it any more, so the reader will
    /// take what there is.
    ///
    /// If the pool has no room, the reader does it.
    override func receive() {
        let count = Int(state.value.pending.room)
        let room = min(
            unsafe core.bytePool.value.roomAhead(for: min(count, Self.leastRoom)), count)
        if room == 0 { return }
        var stop = Socket.Stop(isPossible: false)
        let (bytes, result) = unsafe core.bytePool.value.receiveIntoNearest(
            state.value.descriptor, upTo: room, &stop, core.systemCalls)
        unsafe core.counters.receives &+= 1
        state.value.settle(received: result, of: room)
        // Nothing, after all: the reader waits on.
        if result < 0, state.value.readiness.isDisjoint(with: .endsReadWait) { return }
        state.value.pending.finish(bytes, result)
    }

    /// With less room, a message is more likely to take two calls.
    private static let leastRoom = 4_096

    @inline(__always)
    override func prefetch() { state.prefetch() }

    @inline(__always)
    override func prefetchMore() {
        if let waiter = unsafe state.value.reader {
            unsafe Prefetch.memory(at: waiter.toOpaque(), count: 128)
        }
    }

    /// Whether there was a wait in that direction, and an event ends it now.
    @inline(__always) @discardableResult
    private func complete(_ direction: Direction) -> Bool {
        guard let waiter = unsafe state.value.take(direction) else { return false }
        return unsafe waiter._withUnsafeGuaranteedRef { $0.complete() }
    }

    /// Ends both waits with `outcome`.
    ///
    /// The loop's thread; any, once the loop has parked.
    private func wake(_ outcome: Waiter.Outcome) {
        end(.read, outcome)
        end(.write, outcome)
    }

    private func end(_ direction: Direction, _ outcome: Waiter.Outcome) {
        guard let waiter = unsafe state.value.take(direction) else { return }
        unsafe waiter._withUnsafeGuaranteedRef { _ = $0.resolve(outcome) }
    }
}

/// The watches of a loop.
///
/// Owner thread only; the registrations keep them alive.
@safe
final class DescriptorWatchList {
    // SAFETY: a watch is in the list only while it is registered, and the registration holds it.

    private var first: DescriptorWatch?

    func add(_ watch: DescriptorWatch) {
        watch.next = first
        if let first { unsafe first.previous = watch }
        first = watch
    }

    func remove(_ watch: DescriptorWatch) {
        let next = watch.next
        let previous = unsafe watch.previous
        if let next { unsafe next.previous = previous }
        if let previous { previous.next = next } else { first = next }
        watch.next = nil
        unsafe watch.previous = nil
    }

    /// Whether a task waits for one of the descriptors.
    var isAwaited: Bool {
        var isAwaited = false
        forEach { isAwaited = isAwaited || $0.isAwaited }
        return isAwaited
    }

    /// The loop stops: ends all waits, and closes all descriptors.
    ///
    /// All are known before the first is closed: whoever wakes may belong to an executor that runs what it is
    /// given on the spot, and close another.
    func stopAll() {
        var watches: [DescriptorWatch] = []
        forEach { watches.append($0) }
        for watch in watches { watch.close(.stopped) }
    }

    /// `body` may take the watch that it is shown out of the list, and no other.
    func forEach(_ body: (DescriptorWatch) -> Void) {
        var watch = first
        while let current = watch {
            watch = current.next
            body(current)
        }
    }

    deinit {
        while let watch = first { remove(watch) }
    }
}
