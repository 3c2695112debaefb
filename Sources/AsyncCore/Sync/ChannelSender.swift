// The end of a channel into which elements go.

extension Channel {
    /// An end into which elements are sent.
    ///
    /// Closed by ``close()``, or when the last reference to it goes. Several tasks may send through
    /// one end; a ``clone()`` is an end of its own, which is closed by itself.
    ///
    /// ## Isolation
    /// *Any task*; what is not `async` also from synchronous code.
    public final class Sender: Sendable {
        @usableFromInline let monitor: Monitor<ChannelState<Element>>
        /// Guarded by the monitor.
        @usableFromInline let closed = GuardedFlag()

        init(_ monitor: Monitor<ChannelState<Element>>) { self.monitor = monitor }

        deinit { close() }

        // MARK: - Sending

        /// Sends an element, and waits for room before if there is none.
        ///
        /// ## Cancellation
        /// *Loses its place*; the element was not sent then. If it was taken over before the task
        /// was cancelled, the call returns.
        ///
        /// - Parameter element: What to send.
        /// - Throws: `CancellationError`; ``ChannelError/noReceivers``; ``ChannelError/closed`` if
        ///   this end is closed, or gets closed meanwhile.
        @inlinable @inline(__always)
        public nonisolated(nonsending) func send(_ element: Element) async throws {
            let mayFinish = LoopCore.mayFinishAtOnce
            if mayFinish, try trySend(element) { return }
            try await sendInLine(element, hasLooked: mayFinish)
        }

        @usableFromInline
        nonisolated(nonsending) func sendInLine(
            _ element: Element, hasLooked: Bool
        ) async throws {
            let offer = Exchange.Offer(.element(element, priority: 0), of: ObjectIdentifier(self))
            try await monitor.wait("Channel.send", offer, hasLooked: hasLooked) {
                state, wakeups, place in
                if closed.isSet { throw ChannelError.closed }
                return try state.send(element, place, &wakeups)
            } onLeave: { state, wakeups in
                state.exchange.serve(&wakeups)
            }
        }

        /// Sends an element if there is room; without a buffer, if somebody waits for it.
        ///
        /// - Parameter element: What to send.
        /// - Returns: False if there is no room, or others wait for it already. The element was not
        ///   sent then.
        /// - Throws: ``ChannelError/noReceivers`` or ``ChannelError/closed``.
        @inlinable
        public func trySend(_ element: Element) throws(ChannelError) -> Bool {
            try monitor.withLock { state, wakeups throws(ChannelError) in
                if closed.isSet { throw .closed }
                return try state.send(element, nil, &wakeups) != nil
            }
        }

        // MARK: - Reserving

        /// Reserves slots, into which elements can then be sent without waiting.
        ///
        /// Waits until so many are free at once; whoever comes later waits behind.
        ///
        /// ```swift
        /// let slot = try await sender.reserve()  // wait first,
        /// try slot.send(makeElement())           // make the element when there is room
        /// ```
        ///
        /// ## Cancellation
        /// *Loses its place*; nothing is reserved then.
        ///
        /// - Parameter count: How many slots; 0 or more.
        /// - Returns: The slots. What is not used goes back when they are let go.
        /// - Throws: `CancellationError`; ``ChannelError/noReceivers``; ``ChannelError/closed``;
        ///   ``ChannelError/reservationTooLarge(_:capacity:)`` if the channel is smaller.
        /// - Precondition: The count is not negative.
        public nonisolated(nonsending) func reserve(_ count: Int = 1) async throws -> Reservation {
            let offer = Exchange<Element>.Offer(.slots(count), of: ObjectIdentifier(self))
            try await monitor.wait("Channel.reserve", offer) { state, _, place in
                try check(count, state)
                return try state.reserve(count, place)
            } onLeave: { state, wakeups in
                state.exchange.serve(&wakeups)
            }
            // Between the hand-over and now: a promise that nobody has seen yet is taken back.
            let isCancelled = TaskIdentity.isCurrentCancelled
            try monitor.withLock { state, wakeups in
                if !isCancelled && !state.refusesSends { return }
                state.unreserve(count, &wakeups)
                if isCancelled { throw CancellationError() }
                throw ChannelError.noReceivers
            }
            return Reservation(monitor, count)
        }

        /// Reserves slots if they are free.
        ///
        /// - Parameter count: How many slots; 0 or more.
        /// - Returns: The slots; nil if there are too few, or others wait already.
        /// - Throws: As ``reserve(_:)``, but for the cancellation.
        /// - Precondition: The count is not negative.
        public func tryReserve(_ count: Int = 1) throws(ChannelError) -> Reservation? {
            let isReserved = try monitor.withLock { state throws(ChannelError) in
                try check(count, state)
                return try state.reserve(count, nil) != nil
            }
            return isReserved ? Reservation(monitor, count) : nil
        }

        /// Refuses what can never be reserved.
        private func check(_ count: Int, _ state: ChannelState<Element>) throws(ChannelError) {
            precondition(count >= 0, "\(count) is no number of slots")
            if closed.isSet { throw .closed }
            let capacity = state.exchange.capacity
            if count > capacity { throw .reservationTooLarge(count, capacity: capacity) }
        }

        // MARK: - The end

        /// Another end of the same channel.
        ///
        /// - Returns: A sender that is open until it is closed itself.
        /// - Throws: ``ChannelError/closed`` if this end is.
        public func clone() throws(ChannelError) -> Sender {
            try monitor.withLock { state throws(ChannelError) in
                if closed.isSet { throw .closed }
                state.senders += 1
            }
            return Sender(monitor)
        }

        /// Closes this end: tasks that wait at it fail with ``ChannelError/closed``.
        ///
        /// If it was the last sender, the receivers get what was sent, and then the end of the
        /// channel. Slots that are reserved can still be used, and put the end off until they are.
        /// To close an end twice does no harm.
        public func close() { close(failure: nil) }

        /// Closes this end because of an error.
        ///
        /// Once the channel has ended, its receivers get this error instead of its end, after all
        /// elements. If several senders give one, the first counts.
        ///
        /// - Parameter error: What the receivers are to see.
        public func close(throwing error: any Error) { close(failure: error) }

        private func close(failure: (any Error)?) {
            monitor.withLock { state, wakeups in
                guard closed.set() else { return }
                state.closeSender(ObjectIdentifier(self), failure, &wakeups)
            }
        }

        /// How the channel stands now.
        public var statistics: Statistics { monitor.withLock { state in Statistics(state) } }
    }
}
