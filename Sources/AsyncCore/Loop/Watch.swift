// One watched descriptor: who waits for it, and how a wait for readiness ends.

/// The loop's record of a descriptor that a stream or a listener uses, and the descriptor's owner: it is closed here,
/// once, after it was deregistered.
///
/// Owner thread only. At most one task waits for reading and one for writing. An event, a cancellation, ``close()``
/// and the loop's stop race; the waiter decides who wins, and the edge is kept in the registration's readiness, so
/// nothing is lost when a cancellation wins over an event.
final class Watch: CompletionTarget {
    enum Direction { case read, write }

    unowned let core: LoopCore
    private var token: WatchToken?
    private(set) var descriptor: CInt = -1
    private var reader: Waiter?
    private var writer: Waiter?

    // Links of the loop's list of watches.
    var next: Watch?
    unowned(unsafe) var previous: Watch?

    init(core: LoopCore) {
        self.core = core
    }

    /// Registers the descriptor and takes it over. If that fails, the descriptor stays the caller's.
    func open(_ descriptor: CInt) throws(SystemError) {
        token = try core.poller.watch(descriptor, target: self)
        self.descriptor = descriptor
        core.watches.add(self)
    }

    /// Deregisters and closes the descriptor, and wakes those who wait, with `outcome`.
    ///
    /// - Returns: what close(2) had to say, if it was not good. The descriptor is released all the same.
    @discardableResult
    func close(_ outcome: Waiter.Outcome = .closed) -> SystemError? {
        guard let token else { return nil }
        self.token = nil
        core.watches.remove(self)
        let closing = descriptor
        descriptor = -1
        core.poller.unwatch(token, target: self)
        let error = Socket.close(closing, core.poller.systemCalls)
        wake(outcome)
        return error
    }

    var isOpen: Bool { token != nil }

    /// Whether somebody waits in that direction.
    func isBusy(_ direction: Direction) -> Bool {
        direction == .read ? reader != nil : writer != nil
    }

    /// What is known of the descriptor's readiness.
    var readiness: Readiness {
        guard let token else { return [] }
        return core.poller.readiness(token)
    }

    /// A call said EAGAIN, or drained the descriptor.
    func clear(_ readiness: Readiness) {
        if let token { core.poller.clear(readiness, of: token) }
    }

    /// Waits until an event has been reported in that direction.
    ///
    /// The caller has seen EAGAIN and cleared the readiness. Precondition: nobody else waits in that direction.
    nonisolated(nonsending) func wait(
        _ direction: Direction, _ what: StaticString
    ) async -> Waiter.Outcome {
        guard isOpen else { return .closed }
        if core.isStopped { return .stopped }
        let waiter = core.makeWaiter()
        guard waiter.begin(what) else { return .cancelled }
        if direction == .read { reader = waiter } else { writer = waiter }
        let outcome = await waiter.wait()
        // An event takes the waiter off; other outcomes leave that to us.
        if direction == .read {
            if reader === waiter { reader = nil }
        } else {
            if writer === waiter { writer = nil }
        }
        core.recycle(waiter)
        return outcome
    }

    override func becameReady(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: .endsReadWait), let waiter = reader {
            reader = nil
            waiter.resolve(.completed)
        }
        if !readiness.isDisjoint(with: .endsWriteWait), let waiter = writer {
            writer = nil
            waiter.resolve(.completed)
        }
    }

    /// Ends both waits with `outcome`.
    func wake(_ outcome: Waiter.Outcome) {
        let waiters = (reader, writer)
        reader = nil
        writer = nil
        waiters.0?.resolve(outcome)
        waiters.1?.resolve(outcome)
    }
}

/// The watches of a loop. Owner thread only; the registrations keep them alive.
final class WatchList {
    private var first: Watch?

    func add(_ watch: Watch) {
        watch.next = first
        if let first { unsafe first.previous = watch }
        first = watch
    }

    func remove(_ watch: Watch) {
        let next = watch.next
        let previous = unsafe watch.previous
        if let next { unsafe next.previous = previous }
        if let previous { previous.next = next } else { first = next }
        watch.next = nil
        unsafe watch.previous = nil
    }

    /// The loop stops: ends all waits, and closes all descriptors.
    func stopAll() { forEach { $0.close(.stopped) } }

    func forEach(_ body: (Watch) -> Void) {
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
