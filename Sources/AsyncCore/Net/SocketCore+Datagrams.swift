// What datagram sockets of all families share: receiving, sending, and the waits of both.

extension SocketCore {
    /// Receives by `attempt`, waiting until it does: one task at a time.
    ///
    /// - Parameters:
    ///   - operation: What an error says was attempted.
    ///   - what: What is waited for, for diagnosis.
    ///   - attempt: Whether something was received.
    /// - Throws: ``IOError``: what `attempt` throws, `.closed`, `.busy`; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    nonisolated(nonsending) func receive(
        _ operation: @autoclosure () -> String, _ what: StaticString,
        attempt: () throws(SystemError) -> Bool
    ) async throws {
        try check(operation())
        if use.isReading {
            throw IOError(.busy, operation: operation(), detail: "another task is receiving")
        }
        use.isReading = true
        defer { use.isReading = false }
        if !spendBudget() { await core.yield() }
        while true {
            try check(operation())
            do throws(SystemError) {
                if try attempt() { return }
            } catch {
                throw IOError(error, operation: operation())
            }
            let outcome = await wait(.read, what)
            if outcome == .closed { throw IOError(.closed, operation: operation()) }
            try LoopCore.check(outcome)
        }
    }

    /// Receives the datagrams that are there, at least one; nil if there is none.
    func receiveDatagrams<Address: DatagramAddress>(
        _ count: Int, _ room: Int
    ) throws(SystemError) -> [Datagram<Address>]? {
        guard mayReceive else { return nil }
        guard
            let datagrams: [Datagram<Address>] = try DatagramCalls.receive(
                descriptor, count: count, room: room, core.scratch, calls)
        else {
            clear(.endsReadWait)
            return nil
        }
        note(datagrams)
        return datagrams
    }

    /// Counts datagrams that were received.
    func note<Address>(_ datagrams: [Datagram<Address>]) {
        for (index, datagram) in datagrams.enumerated() {
            // The first was paid for.
            if index > 0 { _ = spendBudget() }
            bytesRead.add(datagram.bytes.count)
        }
    }

    /// Sends so many datagrams, in order, by `attempt`, waiting whenever the kernel has no room: one
    /// task at a time.
    ///
    /// - Parameters:
    ///   - count: How many there are.
    ///   - operation: What an error of the whole says was attempted.
    ///   - what: What is waited for, for diagnosis.
    ///   - looksAgain: Whether the kernel may have room and not tell: then it is tried again after a
    ///     pause, 1 ms at first, and 50 ms at most.
    ///   - attempt: How many went out, from that one on; 0 if there is no room. What it throws is
    ///     what became of that one.
    /// - Returns: How many were sent, and what the others failed with.
    /// - Throws: ``IOError``: `.closed`, `.busy`; ``EventLoopError/stopped``; `CancellationError`.
    nonisolated(nonsending) func send(
        _ count: Int, _ operation: @autoclosure () -> String, _ what: StaticString,
        looksAgain: Bool = false, attempt: (_ index: Int) throws(IOError) -> Int
    ) async throws -> DatagramBatchOutcome {
        try check(operation())
        if use.isWriting {
            throw IOError(.busy, operation: operation(), detail: "another task is sending")
        }
        use.isWriting = true
        defer { use.isWriting = false }
        var outcome = DatagramBatchOutcome()
        var index = 0
        var pause = Self.firstPause
        var hasLookedAgain = false
        while index < count {
            if !spendBudget() { await core.yield() }
            try check(operation())
            do throws(IOError) {
                let sent = try attempt(index)
                index += sent
                outcome.sent += sent
                if sent > 0 {
                    pause = Self.firstPause
                    hasLookedAgain = false
                    continue
                }
            } catch {
                outcome.failures.append(.init(index: index, error: error))
                index += 1
                continue
            }
            clear(.writable)
            let result: Waiter.Outcome
            if !looksAgain {
                result = await wait(.write, what)
            } else if !hasLookedAgain {
                // If it is this socket's own buffer that is full, the kernel's first word is true.
                result = await watch.wait(.write, until: core.deadline(after: pause), what)
                hasLookedAgain = true
            } else {
                result = await waitToLookAgain(pause, what)
                pause = min(pause * 2, .milliseconds(50))
            }
            if result == .closed { throw IOError(.closed, operation: operation()) }
            try LoopCore.check(result)
        }
        return outcome
    }

    /// Waits for the kernel's word, or for the end of the pause.
    ///
    /// A datagram that finds the receiver's queue full gives its memory back, which the kernel tells
    /// as if there were room: the first word is of our own making, and would keep the loop busy. The
    /// next one says that the receiver has taken something.
    private nonisolated(nonsending) func waitToLookAgain(
        _ pause: Duration, _ what: StaticString
    ) async -> Waiter.Outcome {
        let deadline = core.deadline(after: pause)
        let outcome = await watch.wait(.write, until: deadline, what)
        guard outcome == .completed, core.poller.now < deadline else { return outcome }
        clear(.writable)
        return await watch.wait(.write, until: deadline, what)
    }

    private static var firstPause: Duration { .milliseconds(1) }

    /// Sends datagrams, from the first on: how many the kernel took, 0 if it has no room.
    ///
    /// An error is the first one's, and names it.
    func sendDatagrams<Address: DatagramAddress>(
        _ datagrams: ArraySlice<Datagram<Address>>, isConnected: Bool
    ) throws(IOError) -> Int {
        do throws(SystemError) {
            let sent = try DatagramCalls.send(
                datagrams, descriptor, isConnected: isConnected, calls)
            for datagram in datagrams.prefix(sent) { bytesWritten.add(datagram.bytes.count) }
            return sent
        } catch {
            throw DatagramCalls.error(error, of: datagrams.first)
        }
    }
}
