// The end of a channel out of which elements come.

extension Channel {
    /// An end from which elements are received.
    ///
    /// Closed by ``close()``, or when the last reference to it goes. As a sequence it gives the
    /// elements until the end of the channel. Several tasks may receive from one end; a ``clone()``
    /// is an end of its own, which is closed by itself. Each element goes to one task.
    ///
    /// ## Isolation
    /// *Any task*; what is not `async` also from synchronous code.
    public final class Receiver: Sendable {
        @usableFromInline let monitor: Monitor<ChannelState<Element>>
        /// Guarded by the monitor.
        @usableFromInline let closed = GuardedFlag()

        init(_ monitor: Monitor<ChannelState<Element>>) { self.monitor = monitor }

        deinit { close() }

        // MARK: - Receiving

        /// Takes the next element, and waits for one if there is none.
        ///
        /// ## Cancellation
        /// *Loses its place*; an element that was handed over before the task was cancelled is
        /// returned, and the cancellation is seen at its next wait.
        ///
        /// - Returns: The element.
        /// - Throws: `CancellationError`; ``ChannelError/endOfChannel``, or what the channel was
        ///   closed with; ``ChannelError/closed`` if this end is closed, or gets closed meanwhile.
        @inlinable @inline(__always)
        public nonisolated(nonsending) func receive() async throws -> Element {
            let mayFinish = LoopCore.mayFinishAtOnce
            if mayFinish, let element = try tryReceive() { return element }
            return try await receiveInLine(hasLooked: mayFinish)
        }

        @usableFromInline
        nonisolated(nonsending) func receiveInLine(hasLooked: Bool) async throws -> Element {
            try await monitor.wait(
                "Channel.receive", ObjectIdentifier(self), hasLooked: hasLooked
            ) {
                state, wakeups, place in
                if closed.isSet { throw ChannelError.closed }
                return try state.receive(place, &wakeups)
            }
        }

        /// Takes the next element if there is one.
        ///
        /// - Returns: The element; nil if there is none now.
        /// - Throws: As ``receive()``, but for the cancellation.
        @inlinable
        public func tryReceive() throws -> Element? {
            try monitor.withLock { state, wakeups in
                if closed.isSet { throw ChannelError.closed }
                return try state.receive(nil, &wakeups)
            }
        }

        /// Takes the elements that are there, and waits for one if there is none.
        ///
        /// Never waits for a second element.
        ///
        /// ## Cancellation
        /// As ``receive()``.
        ///
        /// - Parameter limit: How many elements to take at most; 1 or more.
        /// - Returns: Elements in their order; none at the end of the channel, and only there.
        /// - Throws: As ``receive()``, but for the end of the channel.
        /// - Precondition: The limit is 1 or more.
        public nonisolated(nonsending) func receive(upTo limit: Int) async throws -> [Element] {
            precondition(limit > 0, "a batch has at least 1 element, not \(limit)")
            var elements: [Element] = []
            do { elements.append(try await receive()) } catch ChannelError.endOfChannel {
                return elements
            }
            monitor.withLock { state, wakeups in
                state.exchange.take(upTo: limit, into: &elements, &wakeups)
            }
            return elements
        }

        // MARK: - The end

        /// Refuses further elements, for all receivers of the channel.
        ///
        /// Who sends, or waits to, fails with ``ChannelError/noReceivers``. What was sent before can
        /// still be received, and so can what is sent into slots that are reserved; then comes the
        /// end of the channel.
        public func refuseFurther() {
            monitor.withLock { state, wakeups in
                if closed.isSet { return }
                state.refuse(&wakeups)
            }
        }

        /// Another end of the same channel.
        ///
        /// - Returns: A receiver that is open until it is closed itself.
        /// - Throws: ``ChannelError/closed`` if this end is.
        public func clone() throws(ChannelError) -> Receiver {
            try monitor.withLock { state throws(ChannelError) in
                if closed.isSet { throw .closed }
                state.receivers += 1
            }
            return Receiver(monitor)
        }

        /// Closes this end: tasks that wait at it fail with ``ChannelError/closed``.
        ///
        /// If it was the last receiver, elements that were not received are let go of, and senders
        /// fail with ``ChannelError/noReceivers``. To close an end twice does no harm.
        public func close() {
            monitor.withLockReleasing { state, wakeups -> [Element] in
                guard closed.set() else { return [] }
                return state.closeReceiver(ObjectIdentifier(self), &wakeups)
            }
        }

        /// How the channel stands now.
        public var statistics: Statistics { monitor.withLock { state in Statistics(state) } }
    }
}

extension Channel.Receiver: AsyncSequence {
    /// The elements of a channel, until its end.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let receiver: Channel.Receiver

        @inlinable
        init(_ receiver: Channel.Receiver) { self.receiver = receiver }

        /// Takes the next element, and waits for one if there is none.
        ///
        /// ## Cancellation
        /// As ``Channel/Receiver/receive()``.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The element; nil at the end of the channel.
        /// - Throws: As ``Channel/Receiver/receive()``, but for the end of the channel.
        @inlinable
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Element? {
            do { return try await receiver.receive() } catch ChannelError.endOfChannel {
                return nil
            }
        }
    }

    /// An iterator, which takes elements out of the channel.
    ///
    /// - Returns: The iterator.
    @inlinable
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
