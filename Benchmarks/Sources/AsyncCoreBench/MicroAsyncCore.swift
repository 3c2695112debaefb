import AsyncCore

/// The same operations with AsyncCore's public API, on one loop.
enum AsyncCoreLoop: MicroRuntime {
    static func run(_ body: @escaping @Sendable () async throws -> Sample) throws -> Sample {
        try EventLoop.run { try await body() }
    }

    static func batch(for benchmark: String) -> Batch? {
        switch benchmark {
        case "switch": Batch(BatchSize.switches, switches)
        case "switch-permit": Batch(BatchSize.switches, switchesWithPermits)
        case "spawn": Batch(BatchSize.spawns, spawns)
        case "yield": Batch(BatchSize.yields, yields)
        case "gather": Batch(BatchSize.gathered, gathered)
        case "permit": Batch(BatchSize.permits, permits)
        case "permit-contended":
            Batch(BatchSize.contendingTasks * BatchSize.contendedTurns, contendedPermits)
        case "sleep": Batch(BatchSize.sleeps, sleeps)
        default: ToolkitAsyncCore.batch(for: benchmark)
        }
    }

    @Sendable private static func switches() async throws {
        let table = PingPong()
        let turns = BatchSize.switches / 2
        let peer = Outcome<TaskHandle<Void, Never>>()
        await table.play(turns: turns) {
            peer.value = .success(spawn { await table.play(turns: turns) })
        }
        try await peer.take().value
    }

    @Sendable private static func switchesWithPermits() async throws {
        let ping = try AsyncSemaphore(0)
        let pong = try AsyncSemaphore(0)
        let turns = BatchSize.switches / 2
        let peer = spawn {
            for _ in 0..<turns {
                try await ping.acquire()
                try pong.release()
            }
        }
        for _ in 0..<turns {
            try ping.release()
            try await pong.acquire()
        }
        try await peer.value
    }

    @Sendable private static func spawns() async throws {
        for _ in 0..<BatchSize.spawns {
            await spawn {}.value
        }
    }

    @Sendable private static func yields() async throws {
        let turns = BatchSize.yields / 2
        let peer = spawn {
            for _ in 0..<turns { try await yield() }
        }
        for _ in 0..<turns { try await yield() }
        try await peer.value
    }

    @Sendable private static func gathered() async throws {
        let results = try await gather((0..<BatchSize.gathered).map { index in spawn { index } })
        precondition(results.reduce(0, +) == BatchSize.gathered * (BatchSize.gathered - 1) / 2)
    }

    @Sendable private static func permits() async throws {
        let semaphore = try AsyncSemaphore(1)
        for _ in 0..<BatchSize.permits {
            try await semaphore.acquire()
            try semaphore.release()
        }
    }

    @Sendable private static func contendedPermits() async throws {
        let semaphore = try AsyncSemaphore(BatchSize.contendedPermits)
        let handles = (0..<BatchSize.contendingTasks).map { _ in
            spawn {
                for _ in 0..<BatchSize.contendedTurns {
                    try await semaphore.withPermit { try await yield() }
                }
            }
        }
        for handle in handles { try await handle.value }
    }

    @Sendable private static func sleeps() async throws {
        let handles = (0..<BatchSize.sleeps).map { index in
            spawn {
                try await sleep(for: .microseconds(BatchSize.sleepMicroseconds(index)))
            }
        }
        for handle in handles { try await handle.value }
    }
}
