// Connecting a new socket, of whatever family.

extension SocketCore {
    /// Takes both ends of a pair over; closes them if the loop will not watch them.
    static func pair(
        _ ends: (CInt, CInt), core: LoopCore, isUnixStream: Bool
    ) throws(SystemError) -> (SocketCore, SocketCore) {
        let first: SocketCore
        do throws(SystemError) {
            first = try SocketCore(ends.0, core: core, isUnixStream: isUnixStream)
        } catch {
            Socket.close(ends.1, core.poller.systemCalls)
            throw error
        }
        return (first, try SocketCore(ends.1, core: core, isUnixStream: isUnixStream))
    }

    /// Connects a new socket: waits until it is connected, or has failed.
    ///
    /// ## Cancellation
    /// Gives the connection up, and closes the socket.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - family: The family of the address.
    ///   - retriesWhenFull: Whether "would block" says that the listener's backlog is full, as it
    ///     does for Unix sockets: then it is tried again after a pause, 1 ms at first, and 100 ms
    ///     at most.
    ///   - core: The loop that runs the caller.
    ///   - description: What is waited for, for diagnosis.
    ///   - prepare: What to do with the socket before it connects.
    /// - Returns: The socket.
    /// - Throws: `SystemError`, which the caller names; ``EventLoopError/stopped``;
    ///   `CancellationError`.
    static nonisolated(nonsending) func connect(
        to address: RawAddress, family: CInt, retriesWhenFull: Bool = false, _ core: LoopCore,
        _ description: StaticString,
        prepare: (_ descriptor: CInt, SystemCalls) throws -> Void = { _, _ in }
    ) async throws -> SocketCore {
        let calls = core.poller.systemCalls
        let descriptor = try Socket.open(family, calls)
        let isConnected: Bool
        do {
            try prepare(descriptor, calls)
            isConnected = try await begin(descriptor, address, retriesWhenFull, core)
        } catch {
            Socket.close(descriptor, calls)
            throw error
        }
        // Registered after connect: a socket that was never connected reports a hang-up.
        let socket = try SocketCore(
            descriptor, core: core, isUnixStream: family == UnixAddress.socketFamily)
        do {
            if !isConnected {
                let outcome = await socket.wait(.write, description)
                try LoopCore.check(outcome)
                if let error = Socket.takeError(descriptor, calls) { throw error }
            }
            return socket
        } catch {
            socket.watch.close()
            throw error
        }
    }

    private static nonisolated(nonsending) func begin(
        _ descriptor: CInt, _ address: RawAddress, _ retriesWhenFull: Bool, _ core: LoopCore
    ) async throws -> Bool {
        var pause: Duration = .milliseconds(1)
        while true {
            do throws(SystemError) {
                return try Socket.connect(descriptor, to: address, core.poller.systemCalls)
            } catch {
                if !retriesWhenFull || !error.wouldBlock { throw error }
            }
            try await core.sleep(until: core.deadline(after: pause))
            pause = min(pause * 2, .milliseconds(100))
        }
    }
}
