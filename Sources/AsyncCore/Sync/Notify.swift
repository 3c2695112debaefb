// A signal without a value, of which one is remembered.

/// Tells one task, or all that wait, that something has happened: Tokio's `Notify`.
///
/// Unlike an ``AsyncEvent`` it does not stay set: ``notifyOne()`` lets one wait end, now or later,
/// and several of them that nobody waits for count as one. A task that looks at a condition before
/// it waits reserves its wait first, so that it misses nothing:
///
/// ```swift
/// while true {
///     let reservation = notify.reserve()
///     if isDone() { break }
///     try await reservation.wait()
/// }
/// ```
///
/// ## Cancellation
/// *Loses its place*: a task that is cancelled while it waits leaves, and a ``notifyOne()`` that it
/// had got goes to the next, or is remembered.
///
/// ## Isolation
/// *Any task*; all but the waits also from synchronous code. Knows no loop.
public final class Notify: Sendable {
    fileprivate struct State: Sendable {
        /// Whether a `notifyOne` is remembered; only while nobody waits.
        var isNotified = false
        let queue = WaiterQueue<Void, Signal>()

        mutating func takeRemembered() -> Signal? {
            defer { isNotified = false }
            return isNotified ? .one : nil
        }
    }

    /// What ended a wait.
    fileprivate enum Signal: Sendable { case one, all }

    private let monitor = Monitor(State())

    /// A signal that nobody has given yet.
    public init() {}

    /// Waits for a notification; at once, if one is remembered, which is used up by it.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func wait() async throws {
        let signal = try await monitor.wait("Notify.wait", ()) { state, _, place in
            if let signal = state.takeRemembered() { return signal }
            state.queue.append(place)
            return nil
        }
        try passOnIfCancelled(signal)
    }

    /// Takes the notification that is remembered, if there is one.
    ///
    /// - Returns: False if there is none.
    public func tryWait() -> Bool { monitor.withLock { $0.takeRemembered() != nil } }

    /// Takes a place among those who wait, without waiting yet.
    ///
    /// A notification that comes before ``Reservation/wait()`` ends that wait at once; one that is
    /// remembered is taken now.
    ///
    /// - Returns: The reservation; what it was told and did not wait for goes to the next when the
    ///   reservation goes.
    public func reserve() -> Reservation { Reservation(self) }

    /// Wakes the one who has waited longest; with nobody waiting, lets the next wait end at once.
    public func notifyOne() {
        monitor.withLock { state, wakeups in
            if !state.queue.grantFirst(.one, &wakeups) { state.isNotified = true }
        }
    }

    /// Wakes all who wait; those who come later notice nothing of it.
    public func notifyAll() {
        monitor.withLock { state, wakeups in _ = state.queue.grantAll(.all, &wakeups) }
    }

    /// Cancelled after it was notified, before it ran: the notification goes on.
    private func passOnIfCancelled(_ signal: Signal) throws {
        guard signal == .one, TaskIdentity.isCurrentCancelled else { return }
        notifyOne()
        throw CancellationError()
    }

    /// A place among those who wait for a ``Notify``.
    ///
    /// ## Isolation
    /// *Any task*, one at a time.
    public final class Reservation: Sendable {
        private let notify: Notify
        private let reservation: AsyncCore.Reservation<State, Void, Signal>

        fileprivate init(_ notify: Notify) {
            self.notify = notify
            reservation = notify.monitor.reserve("Notify.wait", ()) { state, wakeups, place in
                if let signal = state.takeRemembered() {
                    wakeups.grant(place, signal)
                } else {
                    state.queue.append(place)
                }
            }
        }

        deinit {
            if reservation.giveUp() == .one { notify.notifyOne() }
        }

        /// Waits for a notification; at once, if one has come since the reservation was made.
        ///
        /// ## Cancellation
        /// As for ``Notify/wait()``.
        ///
        /// - Throws: `CancellationError`.
        /// - Precondition: It is the first wait with this reservation.
        public nonisolated(nonsending) func wait() async throws {
            try notify.passOnIfCancelled(try await reservation.wait())
        }
    }

    /// How a signal stands.
    public struct Statistics: Sendable, Equatable {
        /// Whether a notification is remembered.
        public var isNotified: Bool
        /// Tasks that wait, and reservations.
        public var waiting: Int
    }

    /// How the signal stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(isNotified: state.isNotified, waiting: state.queue.count)
        }
    }
}
