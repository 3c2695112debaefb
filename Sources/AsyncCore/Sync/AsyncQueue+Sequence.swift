// A queue as a sequence of its elements.

extension AsyncQueue: AsyncSequence {
    /// The elements of a queue, until it is shut down and empty.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let queue: AsyncQueue

        @inlinable
        init(_ queue: AsyncQueue) { self.queue = queue }

        /// Takes the next element, and waits for one if the queue is empty.
        ///
        /// ## Cancellation
        /// As ``AsyncQueue/get()``.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The element; nil once the queue is shut down and empty.
        /// - Throws: `CancellationError`.
        @inlinable
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Element? {
            do { return try await queue.get() } catch QueueError.shutDown { return nil }
        }
    }

    /// An iterator, which takes elements out of the queue.
    ///
    /// - Returns: The iterator.
    @inlinable
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
