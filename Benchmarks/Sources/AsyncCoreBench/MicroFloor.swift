/// The floor: the same operations on `MinimalExecutor`, written as cheaply as Swift allows.
enum MinimalFloor: MicroRuntime {
    /// One for the process, which takes one sample, and made by the thread that calls `run`. Not
    /// a task-local value: every task would copy it, and the floor would be too high.
    private static let executor = MinimalExecutor()

    static func run(_ body: @escaping @Sendable () async throws -> Sample) throws -> Sample {
        try executor.run(body)
    }

    static func batch(for benchmark: String) -> Batch? {
        switch benchmark {
        case "switch": Batch(BatchSize.switches, switches)
        case "spawn": Batch(BatchSize.spawns, spawns)
        case "yield": Batch(BatchSize.yields, yields)
        case "gather": Batch(BatchSize.gathered, gathered)
        case "sleep": Batch(BatchSize.sleeps, tasksThatDoNotSleep)
        default: nil
        }
    }

    @Sendable private static func switches() async {
        let executor = executor
        let table = PingPong()
        let turns = BatchSize.switches / 2
        let peer = Outcome<Task<Void, Never>>()
        await table.play(turns: turns) {
            peer.value = .success(
                Task(executorPreference: executor) { await table.play(turns: turns) })
        }
        await (try? peer.take())?.value
    }

    @Sendable private static func spawns() async {
        let executor = executor
        for _ in 0..<BatchSize.spawns {
            await Task(executorPreference: executor) {}.value
        }
    }

    @Sendable private static func yields() async {
        let turns = BatchSize.yields / 2
        let peer = Task(executorPreference: executor) {
            for _ in 0..<turns { await Task.yield() }
        }
        for _ in 0..<turns { await Task.yield() }
        await peer.value
    }

    @Sendable private static func gathered() async {
        let sum = await withTaskGroup(of: Int.self) { group in
            for index in 0..<BatchSize.gathered { group.addTask { index } }
            return await group.reduce(0, +)
        }
        precondition(sum == BatchSize.gathered * (BatchSize.gathered - 1) / 2)
    }

    /// As many tasks as the others make for their sleeps: what is left without a timer.
    @Sendable private static func tasksThatDoNotSleep() async {
        let executor = executor
        let tasks = (0..<BatchSize.sleeps).map { _ in Task(executorPreference: executor) {} }
        for task in tasks { await task.value }
    }
}
