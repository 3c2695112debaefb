// A value that one side sets once, and the other side reads.

/// The writing end of a value that comes later; its readers have ``Future``s: asyncio's `Future`,
/// Tokio's `oneshot`.
///
/// ```swift
/// let promise = Promise<Int>()
/// let future = promise.future
/// spawn { print(try await future.value) }
/// try promise.succeed(42)
/// ```
///
/// A promise that goes without having been kept fails its readers with ``PromiseError/dropped``, so
/// nobody waits for ever.
///
/// ## Isolation
/// *Any thread*; knows no loop.
public final class Promise<Value: Sendable>: Sendable {
    private let outcome = AsyncOnce<Result<Value, any Error>>()
    private let readers = Readership()

    /// A promise that is not kept yet.
    public init() {}

    deinit { try? outcome.set(.failure(PromiseError.dropped)) }

    /// A reading end: a new one each time.
    public var future: Future<Value> { Future(outcome, readers) }

    /// Keeps the promise with a value.
    ///
    /// - Throws: ``PromiseError/alreadySet``.
    public func succeed(_ value: Value) throws(PromiseError) { try set(.success(value)) }

    /// Ends the promise with an error, which each reader gets.
    ///
    /// - Throws: ``PromiseError/alreadySet``.
    public func fail(_ error: any Error) throws(PromiseError) { try set(.failure(error)) }

    private func set(_ result: Result<Value, any Error>) throws(PromiseError) {
        do { try outcome.set(result) } catch { throw .alreadySet }
    }

    /// Whether there were futures, and all of them are gone: nobody would notice.
    public var isAbandoned: Bool { readers.isAbandoned }

    /// Waits until nobody has a future any more, so that work for the promise can be given up.
    ///
    /// ## Cancellation
    /// *No effect*.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func waitUntilAbandoned() async throws {
        try await readers.waitUntilAbandoned()
    }

    /// How a promise stands.
    public struct Statistics: Sendable, Equatable {
        /// Whether it has ended, with a value or an error.
        public var isSet: Bool
        /// Tasks that wait for it.
        public var waiting: Int
        /// Reading ends.
        public var futures: Int
    }

    /// How the promise stands now.
    public var statistics: Statistics {
        let cell = outcome.statistics
        return Statistics(isSet: cell.isSet, waiting: cell.waiting, futures: readers.count)
    }
}

/// The reading end of a ``Promise``; copies are the same end.
///
/// ## Cancellation
/// *No effect*: a task that is cancelled while it waits leaves; a result that has come is returned.
///
/// ## Isolation
/// *Any task*.
public struct Future<Value: Sendable>: Sendable {
    private let outcome: AsyncOnce<Result<Value, any Error>>
    private let reader: Readership.Reader

    fileprivate init(_ outcome: AsyncOnce<Result<Value, any Error>>, _ readers: Readership) {
        self.outcome = outcome
        reader = Readership.Reader(readers)
    }

    /// Waits for the value; the same for each reader, and each time.
    ///
    /// - Throws: The error that the promise ended with, ``PromiseError/dropped`` if nobody kept it;
    ///   `CancellationError`.
    public var value: Value {
        get async throws { try await outcome.wait().get() }
    }

    /// The value or the error, without waiting; nil as long as there is neither.
    public var result: Result<Value, any Error>? { outcome.value }

    /// How many tasks wait for the value, through this end or another.
    public var waiting: Int { outcome.statistics.waiting }
}

/// A wrong use of a promise, or its end.
public enum PromiseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The promise has ended already, with a value or an error.
    case alreadySet
    /// The promise is gone, and nobody has kept it.
    case dropped

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .alreadySet: "the promise has a result already"
        case .dropped: "the promise was dropped without a result"
        }
    }
}
