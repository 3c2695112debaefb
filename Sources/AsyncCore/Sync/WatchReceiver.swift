// One who waits for changes of a value.

extension Watch {
    /// Waits for changes of a ``Watch``.
    ///
    /// Closed by ``close()``, or when the last reference to it goes. Remembers which value it has
    /// seen. As a sequence it gives the latest value after each change, until the watch ends.
    ///
    /// ## Isolation
    /// *Any task*; what is not `async` also from synchronous code.
    public final class Receiver: Sendable {
        private let monitor: Monitor<WatchState<Value>>
        private let cursor: WatchCursor

        init(_ monitor: Monitor<WatchState<Value>>, _ cursor: WatchCursor) {
            self.monitor = monitor
            self.cursor = cursor
        }

        deinit { close() }

        /// The latest value; whether it has been seen does not change.
        public var value: Value { monitor.withLock { state in state.value } }

        /// Whether the latest value has not been seen.
        public var hasChanged: Bool {
            monitor.withLock { state in state.hasChanged(for: cursor) }
        }

        /// Waits for a value that has not been seen, and sees it.
        ///
        /// ## Cancellation
        /// *Loses its place*, and misses nothing. If there was a change before the task was
        /// cancelled, its value is returned, and the cancellation is seen at the next wait.
        ///
        /// - Returns: The latest value.
        /// - Throws: `CancellationError`; ``ChannelError/endOfChannel`` once the watch is closed and
        ///   its last value seen; ``ChannelError/closed`` if this receiver is closed, or gets closed
        ///   meanwhile.
        public nonisolated(nonsending) func receive() async throws -> Value {
            try await receive(evenIfSeen: false)
        }

        private nonisolated(nonsending) func receive(evenIfSeen: Bool) async throws -> Value {
            while true {
                var received: Value?
                try await monitor.wait("Watch.receive", cursor) { state, _, place in
                    received = try state.receive(cursor, evenIfSeen: evenIfSeen)
                    if received != nil { return () }
                    state.waiting.append(place)
                    return nil
                }
                // Told to look again, unless it had one at once.
                if let value = try received ?? tryReceive() { return value }
            }
        }

        /// Sees the latest value, if it has not been seen.
        ///
        /// - Returns: The value; nil if it has been seen.
        /// - Throws: As ``receive()``, but for the cancellation.
        public func tryReceive() throws(ChannelError) -> Value? {
            try monitor.withLock { state throws(ChannelError) in try state.receive(cursor) }
        }

        /// Waits for a value that is as wanted, and sees it.
        ///
        /// Looks at the present value first, whether or not it has been seen, and then at the latest
        /// one after each change; one that is replaced quickly may be overlooked.
        ///
        /// ## Cancellation
        /// *Loses its place*.
        ///
        /// - Parameter isWanted: Whether the value is the one that is waited for.
        /// - Returns: The value.
        /// - Throws: As ``receive()``; what `isWanted` throws.
        public nonisolated(nonsending) func receive(
            where isWanted: (Value) throws -> Bool
        ) async throws -> Value {
            var value = try await receive(evenIfSeen: true)
            while try !isWanted(value) { value = try await receive() }
            return value
        }

        /// Counts the present value as one that has not been seen: the next receive returns it.
        public func markUnseen() { monitor.withLock { state in state.markUnseen(cursor) } }

        /// Counts the present value as one that has been seen: the next receive waits for another.
        public func markSeen() { monitor.withLock { state in state.markSeen(cursor) } }

        /// Another receiver of the same watch, which counts the present value as seen.
        ///
        /// - Returns: The receiver. It is closed when it is let go.
        public func resubscribe() -> Receiver {
            Receiver(monitor, monitor.withLock { state in state.subscribe() })
        }

        /// Closes this receiver: tasks that wait at it fail with ``ChannelError/closed``.
        ///
        /// To close it twice does no harm.
        public func close() {
            monitor.withLock { state, wakeups in state.unsubscribe(cursor, &wakeups) }
        }
    }
}

extension Watch.Receiver: AsyncSequence {
    /// The latest value after each change, until the watch ends.
    public struct Iterator: AsyncIteratorProtocol {
        private let receiver: Watch.Receiver

        fileprivate init(_ receiver: Watch.Receiver) { self.receiver = receiver }

        /// Waits for a value that has not been seen, and sees it.
        ///
        /// ## Cancellation
        /// As ``Watch/Receiver/receive()``.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The value; nil once the watch is closed and its last value seen.
        /// - Throws: As ``Watch/Receiver/receive()``, but for the end.
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Value? {
            do { return try await receiver.receive() } catch ChannelError.endOfChannel {
                return nil
            }
        }
    }

    /// An iterator, which waits for changes that the receiver has not seen.
    ///
    /// - Returns: The iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
