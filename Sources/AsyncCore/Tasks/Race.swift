// The first of several operations wins.

/// What wins a race.
public enum RaceRule: Sendable {
    /// The first to end, with a value or in an error.
    case firstEnd
    /// The first value; errors count only if there is no value at all.
    case firstValue
}

/// In which order the contenders of a race are started.
///
/// Of contenders that need not wait, the one that is started first wins. Those that wait are woken,
/// and win, in the order in which what they wait for happens.
public enum RaceOrder: Sendable {
    /// A random order, so that in a loop none is always served first.
    case random
    /// The random order that a seed determines.
    case seeded(UInt64)
    /// As they are written: the first has precedence.
    case written
}

/// One operation of a race; see ``race(until:order:_:)``.
public struct Contender<Success: Sendable>: Sendable {
    let operation: @Sendable () async throws -> Success

    /// An operation that takes part.
    ///
    /// - Parameter operation: What to do.
    public init(_ operation: @escaping @Sendable () async throws -> Success) {
        self.operation = operation
    }
}

/// Runs operations concurrently on the current loop until the first of them wins; the others are
/// cancelled and awaited: Tokio's `select!`, as a function.
///
/// ```swift
/// let line = try await race({ try await keyboard.readLine() }, { try await network.readLine() })
/// ```
///
/// A winner cancels the others within its own last step. So an operation that waits for one thing
/// (an item, a permit, a tick) and ends with it either wins, or has taken nothing, and can be done
/// again. What a loser has done before that is its own affair: its value is dropped, its error too.
///
/// ## Cancellation
/// Cancels the operations, and waits for them. If one has won by then, or ends with a value all the
/// same, its outcome is returned.
///
/// - Parameters:
///   - first: An operation.
///   - second: Another.
///   - others: More of them.
///   - rule: What wins: by default the first to end.
///   - order: Which wins if several could at once: by default any of them.
/// - Returns: The winner's value.
/// - Throws: The winner's error; ``RaceError``; `CancellationError`; ``EventLoopError/stopped`` when
///   the loop ends.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func race<Success: Sendable>(
    _ first: @escaping @Sendable () async throws -> Success,
    _ second: @escaping @Sendable () async throws -> Success,
    _ others: @Sendable () async throws -> Success...,
    until rule: RaceRule = .firstEnd, order: RaceOrder = .random
) async throws -> Success {
    try await run(([first, second] + others).map(Contender.init), rule, order)
}

/// Races operations that are listed with `if`, `switch` and `for`.
///
/// ```swift
/// let answer = try await race {
///     Contender { try await ask(primary) }
///     if isDesperate {
///         for mirror in mirrors { Contender { try await ask(mirror) } }
///     }
/// }
/// ```
/// In other respects it is the form for separate arguments.
///
/// ## Cancellation
/// Cancels the operations, and waits for them. If one has won by then, or ends with a value all the
/// same, its outcome is returned.
///
/// - Parameters:
///   - rule: What wins: by default the first to end.
///   - order: Which wins if several could at once: by default any of them.
///   - contenders: The operations.
/// - Returns: The winner's value.
/// - Throws: The winner's error; ``RaceError``; `CancellationError`; ``EventLoopError/stopped`` when
///   the loop ends.
/// - Precondition: The caller runs on an event loop.
public nonisolated(nonsending) func race<Success: Sendable>(
    until rule: RaceRule = .firstEnd, order: RaceOrder = .random,
    @RaceBuilder<Success> _ contenders: () -> [Contender<Success>]
) async throws -> Success {
    try await run(contenders(), rule, order)
}

private nonisolated(nonsending) func run<Success: Sendable>(
    _ contenders: [Contender<Success>], _ rule: RaceRule, _ order: RaceOrder
) async throws -> Success {
    let core = currentCore("race", in: #isolation)
    if contenders.isEmpty { throw RaceError.noContenders }
    return try await core.perform { try await run(contenders, rule, order, on: core) }
}

private nonisolated(nonsending) func run<Success: Sendable>(
    _ contenders: [Contender<Success>], _ rule: RaceRule, _ order: RaceOrder, on core: LoopCore
) async throws -> Success {
    try core.checkOperation()
    let track = RaceTrack<Success>(core, rule, contenders.count)
    for number in order.permutation(of: contenders.count, on: core) {
        track.start(number, contenders[number].operation)
    }
    return try await track.finish()
}

extension RaceOrder {
    fileprivate func permutation(of count: Int, on core: LoopCore) -> [Int] {
        switch self {
        case .written: return Array(0..<count)
        case .seeded(let seed):
            var choices = SeededChoices(seed: seed)
            return (0..<count).shuffled(using: &choices)
        case .random:
            // A loop under test makes all choices itself, so that a run can be repeated.
            if core.simulation != nil { return Array(0..<count) }
            return (0..<count).shuffled()
        }
    }
}

extension SeededChoices: RandomNumberGenerator {}

/// A race without a winner.
public enum RaceError: Error, Sendable, CustomStringConvertible {
    /// Nobody took part.
    case noContenders
    /// A value was wanted, and everybody failed: the errors, in the order in which the contenders
    /// were given.
    case allFailed([any Error])

    /// What happened, in words.
    public var description: String {
        switch self {
        case .noContenders: "there is nothing to race"
        case .allFailed(let errors): "all \(errors.count) attempts failed: \(errors)"
        }
    }
}

/// Collects the contenders of a race.
@resultBuilder
public enum RaceBuilder<Success: Sendable> {
    /// A contender.
    public static func buildExpression(_ contender: Contender<Success>) -> [Contender<Success>] {
        [contender]
    }

    /// Contenders that stand in a list.
    public static func buildBlock(_ contenders: [Contender<Success>]...) -> [Contender<Success>] {
        contenders.flatMap(\.self)
    }

    /// Contenders of an `if` without `else`.
    public static func buildOptional(_ contenders: [Contender<Success>]?) -> [Contender<Success>] {
        contenders ?? []
    }

    /// Contenders of a first branch.
    public static func buildEither(first: [Contender<Success>]) -> [Contender<Success>] { first }

    /// Contenders of a second branch.
    public static func buildEither(second: [Contender<Success>]) -> [Contender<Success>] { second }

    /// Contenders of a `for`.
    public static func buildArray(_ contenders: [[Contender<Success>]]) -> [Contender<Success>] {
        contenders.flatMap(\.self)
    }
}
