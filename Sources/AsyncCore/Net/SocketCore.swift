// What streams and listeners share: a watched socket on a loop, and calls that are forwarded to it.

/// A socket that belongs to a loop.
///
/// ``watch`` and the counters belong to the loop's thread. The object keeps the loop's executor,
/// and with it the loop's core, alive.
final class SocketCore: @unchecked Sendable {
    // SAFETY: everything but `executor`, `core` and the counters is the loop thread's alone; calls from elsewhere
    // are forwarded.

    // What every operation touches comes first, and close together. `state` is a copy of what `watch` holds,
    // and is read without counting references.
    let core: LoopCore
    private let state: Confined<DescriptorWatch.State>
    /// Whether descriptors can come with what is received: a read then stops behind them, and a
    /// short one does not mean "drained".
    private let isUnixStream: Bool

    // Written on the loop, read anywhere.
    let bytesRead = Counter()
    let bytesWritten = Counter()

    let watch: DescriptorWatch
    let executor: LoopTaskExecutor

    var calls: SystemCalls { @inline(__always) get { core.systemCalls } }

    var counters: Confined<LoopCounters> { @inline(__always) get { core.hotCounters } }

    /// Where the state is.
    @inline(__always)
    var stateAddress: UInt { state.address }

    /// How the socket is being used.
    var use: SocketUse {
        @inline(__always) _read { yield state.value.use }
        @inline(__always) _modify { yield &state.value.use }
    }

    /// Takes `descriptor` over; closes it if the loop will not watch it.
    init(
        _ descriptor: CInt, core: LoopCore, isUnixStream: Bool = false
    ) throws(SystemError) {
        executor = core.executor
        self.isUnixStream = isUnixStream
        self.core = core
        watch = DescriptorWatch(core: core)
        state = watch.state
        if !core.isCurrent {
            // In an actor, on another thread. Whatever is done with the socket is forwarded, and
            // comes after this; a failure closes it.
            let opening = PassedWatch(watch: watch)
            core.post { [calls] in
                // Once its waits have ended, a loop watches nothing any more.
                if core.isStopped {
                    Socket.close(descriptor, calls)
                } else {
                    opening.open(descriptor, calls)
                }
            }
            return
        }
        do {
            try watch.open(descriptor)
        } catch {
            Socket.close(descriptor, core.poller.systemCalls)
            throw error
        }
    }

    deinit {
        // The owner is gone, so nobody waits; only the descriptor is left to close, on the loop.
        // Elsewhere we must not even look whether it is open: the loop may be closing it at its
        // end. Once parked it has, and nobody touches it.
        if core.isCurrent || core.phase == .parked {
            watch.close()
        } else {
            let remains = PassedWatch(watch: watch)
            core.post { [calls] in remains.close(resetting: false, calls) }
        }
    }

    /// The descriptor; -1 once closed.
    var descriptor: CInt { @inline(__always) get { state.value.descriptor } }

    var isOpen: Bool { @inline(__always) get { descriptor >= 0 } }

    /// What is known of the descriptor's readiness; nothing once closed.
    var readiness: Readiness { @inline(__always) get { state.value.readiness } }

    /// A call said EAGAIN, or drained the descriptor.
    @inline(__always)
    func clear(_ readiness: Readiness) { state.value.readiness.subtract(readiness) }

    /// Waits until an event has been reported in that direction.
    ///
    /// The caller has seen EAGAIN and cleared the readiness. Precondition: nobody else waits in that
    /// direction.
    @inline(__always)
    nonisolated(nonsending) func wait(
        _ direction: DescriptorWatch.Direction, _ what: StaticString
    ) async -> Waiter.Outcome {
        guard let wait = prepare(direction, what, Caller(#isolation)) else {
            return await watch.wait(direction, what)
        }
        await parkTask(wait.address)
        return end(wait, direction)
    }

    /// A wait that the task is to park with, if it can be of this kind.
    @inline(__always)
    func prepare(
        _ direction: DescriptorWatch.Direction, _ what: StaticString, _ caller: Caller,
        _ memory: NearMemory? = nil
    ) -> StandingWait? {
        guard isOpen, let wait = StandingWait(what, on: core, caller, memory) else { return nil }
        state.value.note(wait, direction)
        return wait
    }

    /// How it ended.
    @inline(__always)
    func end(_ wait: StandingWait, _ direction: DescriptorWatch.Direction) -> Waiter.Outcome {
        state.value.note(nil, direction)
        let outcome = wait.outcome
        // Who goes on otherwise takes nothing, and nothing was received.
        if direction == .read, outcome != .completed { _ = state.value.pending.take() }
        return outcome
    }

    /// Spends one operation of the running job's budget; false when it is used up.
    @inline(__always)
    func spendBudget() -> Bool {
        counters.value.operationBudget &-= 1
        return counters.value.operationBudget >= 0
    }

    /// Gives back what was spent for an operation that has not begun.
    @inline(__always)
    func refundBudget() { counters.value.operationBudget &+= 1 }

    /// Asks what every operation asks first: is the task cancelled, is the socket open.
    ///
    /// A loop that stops closes its sockets, so the loop itself is asked only about those that are
    /// closed.
    @inline(__always)
    func check(_ operation: @autoclosure () -> String) throws {
        if !mayOperate { throw refusal(operation()) }
    }

    /// Whether the calling task is not cancelled, and the socket open.
    @inline(__always)
    var mayOperate: Bool { isOpen && !TaskIdentity.isCurrentCancelled }

    /// The same for a caller who has asked which task it is.
    @inline(__always)
    func mayOperate(_ task: TaskIdentity) -> Bool { isOpen && !task.isCancelled }

    /// Why it is not so.
    @inline(never)
    func refusal(_ operation: String) -> any Error {
        if TaskIdentity.isCurrentCancelled { return CancellationError() }
        if core.isStopped { return EventLoopError.stopped }
        return IOError(.closed, operation: operation)
    }

    // MARK: - Receiving and sending

    /// Receives into `buffer`: the number of bytes, 0 at the end, nil if there is nothing yet.
    ///
    /// Precondition: ``mayReceive``.
    func receive(into buffer: inout MutableRawSpan) throws(SystemError) -> Int? {
        var stop = Socket.Stop(isPossible: isUnixStream)
        let result = Socket.receive(descriptor, into: &buffer, &stop, calls)
        return try account(received: result, of: stop.hasHappened ? 0 : buffer.byteCount)
    }

    /// Receives an array: empty at the end, nil if there is nothing yet.
    ///
    /// Precondition: ``mayReceive``.
    func receive(upTo count: Int) throws(SystemError) -> [UInt8]? {
        var stop = Socket.Stop(isPossible: isUnixStream)
        let inBulk = use.readsInBulk || count <= 256
        let (bytes, result) =
            inBulk
            ? Socket.receive(descriptor, upTo: count, &stop, calls)
            : core.scratch.receive(descriptor, upTo: count, &stop, calls)
        use.readsInBulk = result > count / 2
        let room = stop.hasHappened ? 0 : inBulk ? count : min(count, ScratchBuffer.size)
        return try account(received: result, of: room) == nil ? nil : bytes
    }

    /// Receives into memory of the loop's pool: the bytes, none at the end; nil if there is nothing yet.
    ///
    /// Precondition: ``mayReceive``.
    func receivePooled(upTo count: Int) throws(SystemError) -> PooledBytes.Kept? {
        var stop = Socket.Stop(isPossible: isUnixStream)
        let room = min(count, BytePool.size)
        let (bytes, result) = core.bytePool.value.receive(descriptor, upTo: room, &stop, calls)
        let received = try account(received: result, of: stop.hasHappened ? 0 : room)
        return received == nil ? nil : bytes
    }

    /// Whether the kernel has reported something since the last time that nothing was left.
    @inline(__always)
    var mayReceive: Bool { isOpen && !readiness.isDisjoint(with: .endsReadWait) }

    /// Has at most `count` bytes received when the wait that is about to begin has ended, if that is
    /// worthwhile: to be taken by ``takeReceived()``.
    @inline(__always)
    func expect(upTo count: Int) {
        if isUnixStream || use.receivesMuch { return }
        state.value.pending.expect(upTo: min(count, BytePool.size))
    }

    /// What was received for the task when its wait had ended: the bytes, none at the end; nil if nothing
    /// was, or the socket has been closed since.
    @inline(__always)
    func takeReceived() throws(SystemError) -> PooledBytes.Kept? {
        guard let (bytes, result) = state.value.pending.take() else { return nil }
        if !isOpen {
            _ = PooledBytes(bytes)
            return nil
        }
        return try note(received: result) == nil ? nil : bytes
    }

    /// Notes what is left, and counts what came.
    @inline(__always)
    func account(received result: Int, of room: Int) throws(SystemError) -> Int? {
        counters.value.receives &+= 1
        state.value.settle(received: result, of: room)
        return try note(received: result)
    }

    /// Counts what came; nil if that is nothing.
    @inline(__always)
    private func note(received result: Int) throws(SystemError) -> Int? {
        if result >= 0 {
            bytesRead.add(result)
            use.receivesMuch = result >= Self.much
            counters.value.operationBudget &-= result >> LoopCounters.bytesPerOperationShift
            return result
        }
        let error = SystemError(errno: Int32(-result))
        if error.wouldBlock { return nil }
        throw error
    }

    /// From here on, that bytes are near counts for more than that the kernel's code is.
    private static let much = 4_096

    /// Sends what the kernel takes now: the number of bytes, 0 if it takes none.
    @inline(__always)
    func send(_ bytes: RawSpan) throws(SystemError) -> Int {
        try account(sent: Socket.send(descriptor, bytes, calls), of: bytes.byteCount)
    }

    /// Sends what the kernel takes now of the bytes from `start` on.
    @inline(__always)
    func send(_ bytes: [UInt8], from start: Int) throws(SystemError) -> Int {
        try account(
            sent: Socket.send(descriptor, bytes, from: start, calls), of: bytes.count - start)
    }

    /// Sends what the kernel takes now of the next pieces, and whether it took all that one call
    /// can offer it.
    func send(_ pieces: SocketPieces) throws(SystemError) -> (sent: Int, tookAll: Bool) {
        let (result, offered) = pieces.send(descriptor, calls)
        let sent = try account(sent: result, of: offered)
        return (sent, sent == offered)
    }

    @inline(__always)
    func account(sent result: Int, of count: Int) throws(SystemError) -> Int {
        counters.value.sends &+= 1
        if result >= 0 {
            bytesWritten.add(result)
            counters.value.operationBudget &-= result >> LoopCounters.bytesPerOperationShift
            // The kernel's buffer is full: it will tell when there is room.
            if result < count { clear(.writable) }
            return result
        }
        let error = SystemError(errno: Int32(-result))
        if error.wouldBlock {
            clear(.writable)
            return 0
        }
        throw error
    }

    /// Counts bytes that came in inside the kernel, past ``receive(upTo:)``.
    func noteReceived(_ count: Int) {
        counters.value.receives &+= 1
        bytesRead.add(count)
        counters.value.operationBudget &-= count >> LoopCounters.bytesPerOperationShift
    }

    /// Counts bytes that went out inside the kernel, past ``send(_:)``.
    func noteSent(_ count: Int) {
        counters.value.sends &+= 1
        bytesWritten.add(count)
        counters.value.operationBudget &-= count >> LoopCounters.bytesPerOperationShift
    }

    // MARK: - From elsewhere

    /// Whether the caller runs on the loop, and will after each wait.
    @inline(__always)
    func isHome(for isolation: (any Actor)?) -> Bool { core.isCurrent(for: isolation) }

    /// Runs `operation` on the socket's loop, for a caller that is elsewhere.
    nonisolated(nonsending) func forward<R: Sendable>(
        _ operation: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        LoopCore.noteIfLeft("an operation of a socket")
        return try await core.forward(operation)
    }

    /// Closes the socket, wherever the caller is.
    ///
    /// Done when it returns.
    nonisolated(nonsending) func close() async { await close(resetting: false) }

    /// Closes the socket so that the peer sees a reset, and what is unsent is dropped.
    nonisolated(nonsending) func reset() async { await close(resetting: true) }

    private nonisolated(nonsending) func close(resetting: Bool) async {
        if core.isCurrent || core.phase == .parked {
            PassedWatch(watch: watch).close(resetting: resetting, calls)
            return
        }
        let core = core
        let closing = PassedWatch(watch: watch)
        let done = EndSignal()
        core.post { [calls] in
            closing.close(resetting: resetting, calls)
            done.set()
        }
        await done.waitUninterrupted()
    }
}

/// Carries a watch to its loop.
private struct PassedWatch: @unchecked Sendable {
    // SAFETY: only the loop's thread looks inside.
    let watch: DescriptorWatch

    /// On the loop: opens the watch, or closes the descriptor.
    func open(_ descriptor: CInt, _ calls: SystemCalls) {
        do { try watch.open(descriptor) } catch { Socket.close(descriptor, calls) }
    }

    /// On the loop, or when it has gone: closes the descriptor, if it is open.
    func close(resetting: Bool, _ calls: SystemCalls) {
        // A connection that has failed already has nothing to reset.
        if resetting, watch.isOpen {
            try? Socket.setResetsOnClose(watch.descriptor, true, calls)
        }
        watch.close()
    }
}
