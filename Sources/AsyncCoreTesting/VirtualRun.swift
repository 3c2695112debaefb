// One run of a body on a loop of its own on virtual time.
internal import AsyncCore

/// A loop on virtual time, for one body.
///
/// Made anywhere; ``run(_:)`` once, on a thread that may block; ``cancel()`` from any thread.
struct VirtualRun: Sendable {
    private let loop: EventLoop
    private let unhandled = UnhandledErrors()
    private let seed: UInt64?

    init(_ options: VirtualTime.Options) throws {
        var simulation = SimulationOptions()
        simulation.seed = options.seed
        simulation.jumps = options.jumps
        simulation.cushion = options.cushion.wholeNanoseconds
        simulation.patience = options.patience.wholeNanoseconds
        var configuration = options.loop
        configuration.simulation = simulation
        configuration.interruptSignals = []
        configuration.onUnhandledError = { [unhandled] error, task in
            unhandled.add(UnhandledTaskError(task: task, error: error))
        }
        loop = try EventLoop(configuration: configuration)
        seed = options.seed
    }

    func run<R: Sendable>(_ body: sending @escaping () async throws -> R) throws -> R {
        let value: R
        do {
            value = try loop.runMain(body)
        } catch let report as DryLoop {
            throw RanDry(report, seed: seed)
        }
        if let error = unhandled.first { throw error }
        return value
    }

    func cancel() { loop.cancelMain() }
}

/// A spawned task failed, and nobody looked at its error.
public struct UnhandledTaskError: Error, CustomStringConvertible {
    /// The task's name, if it has one.
    public let task: String?

    /// The error that ended it.
    public let error: any Error

    /// What happened, in words.
    public var description: String {
        let name = task.map { "'\($0)'" } ?? "without a name"
        return "a task \(name) failed, and nobody looked at its error: \(error)"
    }
}

/// The errors that nobody looked at.
///
/// Any thread.
private final class UnhandledErrors: @unchecked Sendable {
    // SAFETY: `errors` is guarded by `lock`.
    private let lock = ThreadLock()
    private var errors: [UnhandledTaskError] = []

    func add(_ error: UnhandledTaskError) { lock.withLock { errors.append(error) } }

    var first: UnhandledTaskError? { lock.withLock { errors.first } }
}

extension Duration {
    /// Nanoseconds; 0 for a negative duration, and at most what a signed number can hold.
    fileprivate var wholeNanoseconds: UInt64 {
        let limit = Duration.nanoseconds(Int64.max)
        let (seconds, attoseconds) = min(max(self, .zero), limit).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
