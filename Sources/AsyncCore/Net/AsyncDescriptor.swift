// Waiting for a descriptor of somebody else's.

/// A descriptor whose readiness tasks wait for: whatever epoll can watch.
///
/// For pipes, terminals, event and timer descriptors, inotify, and the sockets of other libraries. It
/// only waits; reading and writing are the caller's, who makes the descriptor non-blocking if a call
/// on it might block.
///
/// ```swift
/// let notices = try AsyncDescriptor(inotify)
/// while true {
///     try await notices.waitUntilReadable()
///     handle(readNotices(inotify))
/// }
/// ```
///
/// It watches a duplicate, so the descriptor itself stays the caller's, to close whenever and
/// wherever: nothing that waits is confused by that, nor by a new descriptor of the same number. But
/// what is open stays open as long as the duplicate is: end it with ``close()``, or let go of it.
/// Several, of one loop or of more, may watch the same descriptor; each is told.
///
/// ## Isolation
/// *Any task*; belongs to the loop on which it was made, and calls from elsewhere are forwarded. One
/// task may wait for reading and one for writing at a time.
public final class AsyncDescriptor: Sendable {
    private let socket: SocketCore

    /// The descriptor that it was made for.
    public let descriptor: CInt

    /// Watches a descriptor.
    ///
    /// - Parameter descriptor: Anything that epoll takes.
    /// - Throws: ``IOError``: `.badDescriptor` if it is not open; `.notPollable` for a file or a
    ///   directory, which are always ready, and block all the same: use
    ///   `blocking` for these;
    ///   `.resourcesExhausted`; ``EventLoopError/stopped``.
    /// - Precondition: The caller runs on an event loop.
    public init(_ descriptor: CInt) throws {
        let core = currentCore("AsyncDescriptor.init")
        if core.isStopped { throw EventLoopError.stopped }
        self.descriptor = descriptor
        do throws(SystemError) {
            socket = try SocketCore(try Descriptor.duplicate(descriptor), core: core)
        } catch {
            let operation = "watch descriptor \(descriptor)"
            if error.errno == Descriptor.notPollable {
                throw IOError(
                    .notPollable, operation: operation,
                    detail: "a file is always ready, and may block all the same: use blocking { }")
            }
            throw IOError(error, operation: operation)
        }
    }

    /// Waits until there is something to read, the end and errors included.
    ///
    /// Returns at once if there is; what was not read the last time counts.
    ///
    /// ## Cancellation
    /// *No effect* on the descriptor.
    ///
    /// - Throws: ``IOError``: `.closed` before or meanwhile, `.busy` if another task waits for the
    ///   same; ``EventLoopError/stopped``; `CancellationError`.
    public nonisolated(nonsending) func waitUntilReadable() async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.waitUntilReadable() }
        }
        try check("readable")
        if socket.use.isReading { throw error(.busy, "readable", "another task waits") }
        socket.use.isReading = true
        defer { socket.use.isReading = false }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            try check("readable")
            // What came before is known to the kernel alone, if it was not all read.
            if Descriptor.isReadable(socket.descriptor) { return }
            socket.clear(.endsReadWait)
            let outcome = await socket.wait(.read, "AsyncDescriptor.waitUntilReadable")
            try check(outcome, "readable")
        }
    }

    /// Waits until there is room to write, or a write would fail.
    ///
    /// Returns at once if there is.
    ///
    /// ## Cancellation
    /// *No effect* on the descriptor.
    ///
    /// - Throws: As ``waitUntilReadable()``.
    public nonisolated(nonsending) func waitUntilWritable() async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward { try await self.waitUntilWritable() }
        }
        try check("writable")
        if socket.use.isWriting { throw error(.busy, "writable", "another task waits") }
        socket.use.isWriting = true
        defer { socket.use.isWriting = false }
        if !socket.spendBudget() { await socket.core.yield() }
        while true {
            try check("writable")
            if Descriptor.isWritable(socket.descriptor) { return }
            socket.clear(.endsWriteWait)
            let outcome = await socket.wait(.write, "AsyncDescriptor.waitUntilWritable")
            try check(outcome, "writable")
        }
    }

    /// Ends the watch, and wakes those who wait, with `.closed`.
    ///
    /// Call it before the descriptor is closed, so that nobody waits for what cannot come. A second
    /// call does nothing.
    ///
    /// ## Cancellation
    /// *Not a cancellation point*.
    public nonisolated(nonsending) func close() async { await socket.close() }

    private func check(_ what: String) throws {
        try socket.check("wait until descriptor \(descriptor) is \(what)")
    }

    private func check(_ outcome: Waiter.Outcome, _ what: String) throws {
        if outcome == .closed { throw error(.closed, what) }
        try LoopCore.check(outcome)
    }

    private func error(_ code: IOError.Code, _ what: String, _ detail: String? = nil) -> IOError {
        IOError(code, operation: "wait until descriptor \(descriptor) is \(what)", detail: detail)
    }
}
