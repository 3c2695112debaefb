// A value that is set once: at the first need, or by whoever has it.
internal import Synchronization

/// A value that is made when it is first asked for, by one task, or set by hand: Tokio's `OnceCell`.
///
/// ```swift
/// let schema = AsyncOnce<Schema>()
/// let loaded = try await schema.value { try await loadSchema() }
/// ```
///
/// Tasks that ask while the value is being made wait for it. If that fails, the error is the error
/// of the one who tried, and the next in line tries.
///
/// ## Cancellation
/// *Loses its place* while another task makes the value; a turn that it was just handed goes to the
/// next. A value that has come is returned all the same.
///
/// ## Isolation
/// *Any task*; knows no loop.
public final class AsyncOnce<Value: Sendable>: @unchecked Sendable {
    // SAFETY: `stored` is written once, under the monitor's lock, before `isSet` is set (release),
    // and read after that was seen (acquire).
    private let isSet = Atomic<Bool>(false)
    private var stored: Value?
    private let monitor = Monitor(State())

    struct State: Sendable {
        /// The task that makes the value.
        var maker: TaskIdentity?
        /// Would make the value if their turn came.
        let makers = WaiterQueue<TaskIdentity, Turn>()
        /// Wait for the value.
        let readers = WaiterQueue<Void, Value>()
    }

    enum Turn: Sendable {
        case value(Value)
        case make
    }

    /// A cell without a value.
    public init() {}

    /// The value; nil as long as there is none.
    public var value: Value? { isSet.load(ordering: .acquiring) ? stored : nil }

    /// The value, which `make` makes if there is none yet, and nobody else is making it.
    ///
    /// - Parameter make: Makes the value; it must not ask for the value itself.
    /// - Returns: The value, the same for all.
    /// - Throws: What `make` throws; ``OnceError/recursive`` if `make` asks for the value itself;
    ///   `CancellationError`.
    public nonisolated(nonsending) func value(
        orMake make: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        if LoopCore.unhinderedTask != nil, let value { return value }
        switch try await turn() {
        case .value(let value): return value
        case .make:
            do {
                let value = try await make()
                finish(value)
                return value
            } catch {
                giveUpTurn()
                throw error
            }
        }
    }

    /// Waits until the value is there, whoever makes or sets it.
    ///
    /// ## Cancellation
    /// *No effect*: a value that has come is returned.
    ///
    /// - Returns: The value.
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func wait() async throws -> Value {
        if LoopCore.unhinderedTask != nil, let value { return value }
        return try await monitor.wait("AsyncOnce.wait", (), hasLooked: true) { state, _, place in
            if let value { return value }
            state.readers.append(place)
            return nil
        }
    }

    /// Sets the value.
    ///
    /// - Throws: ``OnceError/alreadySet``; ``OnceError/initialising`` if a task is making the value.
    public func set(_ value: Value) throws(OnceError) {
        try monitor.withLock { state, wakeups throws(OnceError) in
            if self.value != nil { throw .alreadySet }
            if state.maker != nil { throw .initialising }
            store(value, &state, &wakeups)
        }
    }

    // MARK: - Turns

    /// Waits for the value, or for the calling task's turn to make it.
    nonisolated(nonsending) func turn() async throws -> Turn {
        let task = TaskIdentity.running
        let turn: Turn = try await monitor.wait("AsyncOnce.value", task, hasLooked: true) {
            state, _, place in
            if let value { return .value(value) }
            if state.maker == task { throw OnceError.recursive }
            if state.maker == nil {
                state.maker = task
                return .make
            }
            state.makers.append(place)
            return nil
        }
        if case .make = turn, task.isCancelled {
            giveUpTurn()
            throw CancellationError()
        }
        return turn
    }

    private func finish(_ value: Value) {
        monitor.withLock { state, wakeups in store(value, &state, &wakeups) }
    }

    /// The task whose turn it was has failed: the next in line has its turn.
    func giveUpTurn() {
        monitor.withLock { state, wakeups in
            state.maker = nil
            while state.maker == nil, let place = state.makers.popFirst() {
                let task = place.request
                if wakeups.grant(place, .make) { state.maker = task }
            }
        }
    }

    private func store(_ value: Value, _ state: inout State, _ wakeups: inout Wakeups) {
        stored = value
        isSet.store(true, ordering: .releasing)
        state.maker = nil
        state.makers.grantAll(.value(value), &wakeups)
        state.readers.grantAll(value, &wakeups)
    }

    // MARK: - Diagnosis

    /// How a cell stands.
    public struct Statistics: Sendable, Equatable {
        /// Whether there is a value.
        public var isSet: Bool
        /// Whether a task is making the value.
        public var isInitialising: Bool
        /// Tasks that wait.
        public var waiting: Int
    }

    /// How the cell stands now.
    public var statistics: Statistics {
        monitor.withLock { state in
            Statistics(
                isSet: value != nil, isInitialising: state.maker != nil,
                waiting: state.makers.count + state.readers.count)
        }
    }
}

/// A wrong use of a cell that is set once.
///
/// Nothing has changed then: the cell still serves all others.
public enum OnceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is a value already.
    case alreadySet
    /// A task is making the value.
    case initialising
    /// The task that makes the value has asked for it, and would wait for itself.
    case recursive

    /// Which rule was broken, in words.
    public var description: String {
        switch self {
        case .alreadySet: "the value has been set already"
        case .initialising: "a task is making the value just now"
        case .recursive: "the task that makes the value has asked for it"
        }
    }
}
