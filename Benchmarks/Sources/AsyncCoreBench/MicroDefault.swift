import Dispatch

/// Swift's default executor (Dispatch behind a pool of threads), and what the standard library
/// offers for each operation. Where it offers nothing, an actor does.
enum DefaultExecutor: MicroRuntime {
    static func run(_ body: @escaping @Sendable () async throws -> Sample) throws -> Sample {
        let outcome = Outcome<Sample>()
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                outcome.value = .success(try await body())
            } catch {
                outcome.value = .failure(error)
            }
            done.signal()
        }
        done.wait()
        return try outcome.take()
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
        default: ToolkitDefault.batch(for: benchmark)
        }
    }

    @Sendable private static func switches() async {
        let table = PingPong()
        let turns = BatchSize.switches / 2
        let peer = Outcome<Task<Void, Never>>()
        await table.play(turns: turns) {
            peer.value = .success(Task { await table.play(turns: turns) })
        }
        await (try? peer.take())?.value
    }

    @Sendable private static func switchesWithPermits() async {
        let ping = ActorSemaphore(0)
        let pong = ActorSemaphore(0)
        let turns = BatchSize.switches / 2
        let peer = Task {
            for _ in 0..<turns {
                await ping.acquire()
                await pong.release()
            }
        }
        for _ in 0..<turns {
            await ping.release()
            await pong.acquire()
        }
        await peer.value
    }

    @Sendable private static func spawns() async {
        for _ in 0..<BatchSize.spawns {
            await Task {}.value
        }
    }

    @Sendable private static func yields() async {
        let turns = BatchSize.yields / 2
        let peer = Task {
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

    @Sendable private static func permits() async {
        let semaphore = ActorSemaphore(1)
        for _ in 0..<BatchSize.permits {
            await semaphore.acquire()
            await semaphore.release()
        }
    }

    @Sendable private static func contendedPermits() async {
        let semaphore = ActorSemaphore(BatchSize.contendedPermits)
        let tasks = (0..<BatchSize.contendingTasks).map { _ in
            Task {
                for _ in 0..<BatchSize.contendedTurns {
                    await semaphore.acquire()
                    await Task.yield()
                    await semaphore.release()
                }
            }
        }
        for task in tasks { await task.value }
    }

    @Sendable private static func sleeps() async throws {
        let tasks = (0..<BatchSize.sleeps).map { index in
            Task {
                try await Task.sleep(for: .microseconds(BatchSize.sleepMicroseconds(index)))
            }
        }
        for task in tasks { try await task.value }
    }
}

/// A counting semaphore as one writes it without a library: an actor, first come first served.
private actor ActorSemaphore {
    private var permits: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Waiters before this index have been resumed; they are dropped when all have.
    private var head = 0

    init(_ permits: Int) {
        self.permits = permits
    }

    func acquire() async {
        if permits > 0 {
            permits -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func release() {
        guard head < waiting.count else {
            permits += 1
            return
        }
        waiting[head].resume()
        head += 1
        if head == waiting.count || head > 64 {
            waiting.removeFirst(head)
            head = 0
        }
    }
}
