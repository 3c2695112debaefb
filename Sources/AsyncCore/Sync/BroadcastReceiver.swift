// One who listens to a broadcast.

extension Broadcast {
    /// Receives every element that is sent to a ``Broadcast`` from its making on.
    ///
    /// Closed by ``close()``, or when the last reference to it goes. Has a position of its own: a
    /// loop over it that was left, because of an error say, goes on where it was when it is entered
    /// again. Several tasks may receive from one receiver; each element then goes to one of them.
    ///
    /// ## Isolation
    /// *Any task*; what is not `async` also from synchronous code.
    public final class Receiver: Sendable {
        private let monitor: Monitor<BroadcastState<Element>>
        private let cursor: BroadcastCursor

        init(_ monitor: Monitor<BroadcastState<Element>>, _ cursor: BroadcastCursor) {
            self.monitor = monitor
            self.cursor = cursor
        }

        deinit { close() }

        /// Takes the next element, and waits for one if there is none.
        ///
        /// ## Cancellation
        /// *Loses its place*, and misses nothing; an element that was handed over before the task
        /// was cancelled is returned, and the cancellation is seen at its next wait.
        ///
        /// - Returns: The element.
        /// - Throws: `CancellationError`; ``ChannelError/lagged(by:)``, after which the next call
        ///   goes on; ``ChannelError/endOfChannel``; ``ChannelError/closed`` if this receiver is
        ///   closed, or gets closed meanwhile.
        public nonisolated(nonsending) func receive() async throws -> Element {
            try await monitor.wait("Broadcast.receive", cursor) { state, _, place in
                try state.receive(cursor, place)
            }
        }

        /// Takes the next element if there is one.
        ///
        /// - Returns: The element; nil if there is none now.
        /// - Throws: As ``receive()``, but for the cancellation.
        public func tryReceive() throws(ChannelError) -> Element? {
            try monitor.withLock { state throws(ChannelError) in try state.receive(cursor, nil) }
        }

        /// Another receiver of the same broadcast, of what is sent from now on.
        ///
        /// What this one has yet to receive the new one does not get.
        ///
        /// - Returns: The receiver. It is closed when it is let go.
        public func resubscribe() -> Receiver {
            Receiver(monitor, monitor.withLock { state in state.subscribe() })
        }

        /// Closes this receiver: tasks that wait at it fail with ``ChannelError/closed``.
        ///
        /// To close it twice does no harm.
        public func close() {
            monitor.withLockReleasing { state, wakeups in state.unsubscribe(cursor, &wakeups) }
        }
    }
}

extension Broadcast.Receiver: AsyncSequence {
    /// The elements of a broadcast, until its end.
    public struct Iterator: AsyncIteratorProtocol {
        private let receiver: Broadcast.Receiver

        fileprivate init(_ receiver: Broadcast.Receiver) { self.receiver = receiver }

        /// Takes the next element, and waits for one if there is none.
        ///
        /// ## Cancellation
        /// As ``Broadcast/Receiver/receive()``.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The element; nil at the end of the broadcast.
        /// - Throws: As ``Broadcast/Receiver/receive()``, but for the end.
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Element? {
            do { return try await receiver.receive() } catch ChannelError.endOfChannel {
                return nil
            }
        }
    }

    /// An iterator, which goes on where the receiver is.
    ///
    /// - Returns: The iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
