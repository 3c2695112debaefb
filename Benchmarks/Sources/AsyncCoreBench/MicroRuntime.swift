import CBenchSupport

/// A way to run Swift tasks, with its own form of each operation that is measured.
protocol MicroRuntime {
    /// What to repeat for the benchmark of that name; nil if the runtime takes no part in it.
    static func batch(for benchmark: String) -> Batch?

    /// Runs an async body on the runtime, and blocks the calling thread until it is done.
    static func run(_ body: @escaping @Sendable () async throws -> Sample) throws -> Sample
}

/// The unit of repetition: so many operations that reading the clocks around it costs nothing.
struct Batch: Sendable {
    let operations: Int
    let run: @Sendable () async throws -> Void

    init(_ operations: Int, _ run: @escaping @Sendable () async throws -> Void) {
        self.operations = operations
        self.run = run
    }

    /// Repeats the batch, on the runtime that calls.
    ///
    /// One batch warms up. CPU time is that of the whole process, all threads. The last batch is
    /// not timed: it counts allocations.
    func measure(forAtLeast milliseconds: Int) async throws -> Sample {
        try await run()
        var batches = 0
        let wallStart = bench_wall_ns()
        let cpuStart = bench_cpu_ns()
        let deadline = wallStart + Int64(milliseconds) * 1_000_000
        var wallEnd: Int64
        repeat {
            try await run()
            batches += 1
            wallEnd = bench_wall_ns()
        } while wallEnd < deadline
        let cpuEnd = bench_cpu_ns()

        bench_allocations_start()
        try await run()
        let allocations = bench_allocations_stop()
        return Sample(
            operations: batches * operations, wallNanoseconds: Int(wallEnd - wallStart),
            cpuNanoseconds: Int(cpuEnd - cpuStart),
            allocationsPerOperation: Double(allocations) / Double(operations))
    }
}

extension Sample {
    /// The line in which a child reports its sample.
    var encodedLine: String {
        let allocations = Int((allocationsPerOperation ?? 0) * 1_000)
        return "sample \(operations) \(wallNanoseconds) \(cpuNanoseconds) \(allocations)"
    }

    init?(encodedLine line: String) {
        let words = line.split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard words.first == "sample", numbers.count == 4, numbers[0] > 0, numbers[1] > 0 else {
            return nil
        }
        self.init(
            operations: numbers[0], wallNanoseconds: numbers[1], cpuNanoseconds: numbers[2],
            allocationsPerOperation: Double(numbers[3]) / 1_000)
    }
}

/// How many operations a batch has, the same for every runtime.
enum BatchSize {
    static let switches = 20_000
    static let spawns = 5_000
    static let yields = 20_000
    static let gathered = 1_000
    static let permits = 20_000
    static let contendingTasks = 16
    static let contendedPermits = 3
    static let contendedTurns = 500
    static let sleeps = 100_000
    static let items = 20_000
    static let queueCapacity = 256
    static let timeouts = 5_000
    static let timers = 1_000_000

    /// The length of sleep `index` in microseconds: 0 to 1,000, neighbours far apart.
    static func sleepMicroseconds(_ index: Int) -> Int { index * 7_919 % 1_001 }
}
