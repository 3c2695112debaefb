// How a read waits.
//
// The public calls are inlined into the caller, and park its task themselves: a reading connection, which
// spends its life here, has no frame of the library's on its stack, and going on costs no async function's
// return. What is not inlined does not wait, and comes in two steps, before the parking and after it.

/// What a step of a read has come to.
@usableFromInline
struct ReadStep<Result> {
    /// What was read.
    ///
    /// Nil if there is a waiter, or if the read must be done by the other way, which may wait in any
    /// manner.
    @usableFromInline let result: Result?

    /// What to park the task with, if there is nothing to read yet; else 0.
    @usableFromInline let waiter: UInt

    init(_ result: Result) {
        self.result = result
        waiter = 0
    }

    fileprivate init(_ wait: StandingWait?) {
        result = nil
        waiter = wait?.address ?? 0
    }

    /// The read must be done by the other way.
    static var otherwise: Self { Self(nil) }
}

extension SocketStream {
    // MARK: - Into the caller's memory

    @usableFromInline
    final func beginRead(
        into buffer: inout MutableRawSpan, _ isolation: (any Actor)?
    ) throws -> ReadStep<Int> {
        guard buffer.byteCount > 0, let caller = try readerHere(isolation) else {
            return .otherwise
        }
        return try receiveOrPrepare(into: &buffer, caller)
    }

    @usableFromInline
    final func continueRead(
        into buffer: inout MutableRawSpan, _ waiter: UInt,
        _ isolation: (any Actor)?
    ) throws -> ReadStep<Int> {
        try endWait(StandingWait(waiter))
        if let bytes = try takeReceived() {
            guard let bytes = PooledBytes(bytes) else { return ReadStep(0) }
            Memory.copy(bytes.bytes, into: &buffer)
            return ReadStep(bytes.count)
        }
        return try receiveOrPrepare(into: &buffer, Caller(isolation))
    }

    @inline(__always)
    private final func receiveOrPrepare(
        into buffer: inout MutableRawSpan, _ caller: Caller
    ) throws -> ReadStep<Int> {
        try readOrPrepare(caller, upTo: buffer.byteCount, Memory.address(of: buffer)) {
            () throws(SystemError) in
            try socket.receive(into: &buffer)
        }
    }

    /// Reads in a frame of its own, wherever the caller is.
    @usableFromInline @inline(never)
    final nonisolated(nonsending) func readOtherwise(
        into buffer: inout MutableRawSpan
    ) async throws -> Int? {
        guard socket.isHome(for: #isolation) else {
            guard let bytes = try await read(upTo: buffer.byteCount) else { return nil }
            Memory.copy(bytes, into: &buffer)
            return bytes.count
        }
        try beginReading()
        defer { socket.use.isReading = false }
        if buffer.byteCount == 0 { return 0 }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            if socket.mayReceive {
                do throws(SystemError) {
                    if let count = try socket.receive(into: &buffer) {
                        return count == 0 ? nil : count
                    }
                } catch {
                    throw self.error(error, "read from")
                }
            }
            try await waitUntilReadable()
        }
    }

    // MARK: - As an array

    @usableFromInline
    final func beginRead(
        upTo count: Int, _ isolation: (any Actor)?
    ) throws -> ReadStep<[UInt8]> {
        precondition(count >= 0, "a read of \(count) bytes")
        guard count > 0, let caller = try readerHere(isolation) else { return .otherwise }
        return try receiveOrPrepare(upTo: count, caller)
    }

    @usableFromInline
    final func continueRead(
        upTo count: Int, _ waiter: UInt, _ isolation: (any Actor)?
    ) throws -> ReadStep<[UInt8]> {
        try endWait(StandingWait(waiter))
        if let bytes = try takeReceived() {
            return ReadStep(PooledBytes(bytes).map { Memory.array(of: $0.bytes) } ?? [])
        }
        return try receiveOrPrepare(upTo: count, Caller(isolation))
    }

    @inline(__always)
    private final func receiveOrPrepare(
        upTo count: Int, _ caller: Caller
    ) throws -> ReadStep<[UInt8]> {
        try readOrPrepare(caller, upTo: count) { () throws(SystemError) in
            try socket.receive(upTo: count)
        }
    }

    @usableFromInline @inline(never)
    final nonisolated(nonsending) func readOtherwise(upTo count: Int) async throws -> [UInt8]? {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.read(upTo: count) }
        }
        try beginReading()
        defer { socket.use.isReading = false }
        if count == 0 { return [] }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            if socket.mayReceive {
                do throws(SystemError) {
                    if let bytes = try socket.receive(upTo: count) {
                        return bytes.isEmpty ? nil : bytes
                    }
                } catch {
                    throw self.error(error, "read from")
                }
            }
            try await waitUntilReadable()
        }
    }

    // MARK: - The parts

    /// Reads what is there, by `receive`, which gives nil if that is nothing; then begins a wait for it.
    ///
    /// `count` is how many bytes the caller takes; `buffer` is the address of its memory, if there is any to
    /// read into.
    @inline(__always)
    final func readOrPrepare<Result>(
        _ caller: Caller, upTo count: Int, _ buffer: UInt = 0,
        _ receive: () throws(SystemError) -> Result?
    ) throws -> ReadStep<Result> {
        if socket.mayReceive {
            do throws(SystemError) {
                if let result = try receive() {
                    socket.use.isReading = false
                    return ReadStep(result)
                }
            } catch {
                throw endReading(error)
            }
        }
        let wait = prepareToRead(caller, buffer)
        if wait != nil { socket.expect(upTo: count) }
        return ReadStep(wait)
    }

    /// What was received for the task when its wait had ended, with which the read is over; nil if nothing
    /// was.
    @inline(__always)
    final func takeReceived() throws -> PooledBytes.Kept? {
        do throws(SystemError) {
            guard let bytes = try socket.takeReceived() else { return nil }
            socket.use.isReading = false
            return bytes
        } catch {
            throw endReading(error)
        }
    }

    /// Begins a read, if the caller is on the loop and need not let others run first.
    @inline(__always)
    final func readerHere(_ isolation: (any Actor)?) throws -> Caller? {
        guard socket.isHome(for: isolation) else { return nil }
        let caller = Caller(isolation)
        try beginReading(caller.task)
        if socket.spendBudget() { return caller }
        socket.use.isReading = false
        return nil
    }

    /// Begins a wait for something to read, during which the read is under way.
    ///
    /// If the wait cannot be of this kind, the read is over.
    @inline(__always)
    private final func prepareToRead(
        _ caller: Caller, _ buffer: UInt
    ) -> StandingWait? {
        let memory = NearMemory(
            stream: UInt(bitPattern: ObjectIdentifier(self)),
            socket: UInt(bitPattern: ObjectIdentifier(socket)), state: socket.stateAddress,
            buffer: buffer)
        if let wait = socket.prepare(.read, whatReads, caller, memory) { return wait }
        socket.use.isReading = false
        socket.refundBudget()
        return nil
    }

    @inline(__always)
    final func endWait(_ wait: StandingWait) throws {
        let outcome = socket.end(wait, .read)
        if outcome == .completed { return }
        socket.use.isReading = false
        throw error(of: outcome, "read from")
    }

    @inline(never)
    private final func endReading(_ error: SystemError) -> any Error {
        socket.use.isReading = false
        return self.error(error, "read from")
    }
}
