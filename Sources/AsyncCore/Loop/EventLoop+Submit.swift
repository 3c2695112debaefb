// Synchronous work for a loop, from any thread.
internal import Synchronization

extension EventLoop {
    /// Runs a synchronous closure on the loop, in its next turn, and returns at once: asyncio's
    /// `call_soon_threadsafe`.
    ///
    /// Cheaper than a task, and for what cannot wait: the closure holds up the loop while it runs.
    /// What one thread submits runs in that order, before the turn's ready tasks; a submission that
    /// submits again is run in the turn after, so tasks and descriptors get their share. To await a
    /// result use ``run(_:)``, for a handle `spawn`, and to
    /// block a thread until the result is there ``runBlocking(name:_:)``.
    ///
    /// - Parameter body: What to do on the loop. If the call returns, it runs, also on a loop that
    ///   is about to end.
    /// - Throws: ``EventLoopError/stopped`` when the loop has ended; then `body` does not run.
    public func submit(_ body: @escaping @Sendable () -> Void) throws(EventLoopError) {
        if !core.postUnlessEnded(body) { throw .stopped }
    }
}

extension LoopCore {
    /// As ``post(_:)``, but refuses the call, rather than run it elsewhere, once the loop has ended.
    func postUnlessEnded(_ call: @escaping @Sendable () -> Void) -> Bool {
        switch inbox.put(.call(call)) {
        case .queued: return true
        case .queuedAndMustWake:
            poller.wakeUp()
            return true
        case .closed: return false
        }
    }
}

/// A closure that other threads ask a loop to run, once for all requests that come before it runs:
/// libuv's `uv_async_t`.
///
/// For "look again" messages, which may come more often than they can be heard.
///
/// ```swift
/// let redraw = CoalescedCall(on: loop) { view.draw() }
/// try redraw.request()  // from any thread, as often as you like
/// ```
///
/// ## Isolation
/// *Any task*, any thread.
public final class CoalescedCall: Sendable {
    private let loop: EventLoop
    private let body: @Sendable () -> Void
    private let isPending = Atomic<Bool>(false)

    /// A closure to be run on a loop.
    ///
    /// - Parameters:
    ///   - loop: Where to run it; kept alive.
    ///   - body: What to do.
    public init(on loop: EventLoop, _ body: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.body = body
    }

    /// Asks for one run of the closure that begins after this call.
    ///
    /// Does nothing if a request is pending already. What the caller did before it asked is seen by
    /// that run.
    ///
    /// - Throws: ``EventLoopError/stopped`` when the loop has ended.
    public func request() throws(EventLoopError) {
        if isPending.exchange(true, ordering: .acquiringAndReleasing) { return }
        do {
            try loop.submit {
                // Before the body: a request that comes while it runs asks for another run.
                _ = self.isPending.exchange(false, ordering: .acquiringAndReleasing)
                self.body()
            }
        } catch {
            isPending.store(false, ordering: .releasing)
            throw error
        }
    }
}
