/// The toolkit's operations with what the standard library has for the purpose, else with the
/// recipe that one finds in books.
enum ToolkitDefault {
    static func batch(for benchmark: String) -> Batch? {
        switch benchmark {
        case "lock": Batch(BatchSize.permits, actorCalls)
        case "queue": Batch(BatchSize.items, items)
        case "timeout": Batch(BatchSize.timeouts, timeouts)
        default: nil
        }
    }

    private actor Resource {
        private var uses = 0
        func use() { uses += 1 }
    }

    @Sendable private static func actorCalls() async {
        let resource = Resource()
        for _ in 0..<BatchSize.permits { await resource.use() }
    }

    /// A stream keeps what it is given without a bound.
    @Sendable private static func items() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let producer = Task {
            for item in 0..<BatchSize.items { continuation.yield(item) }
            continuation.finish()
        }
        var sum = 0
        for await item in stream { sum &+= item }
        await producer.value
        precondition(sum == BatchSize.items * (BatchSize.items - 1) / 2)
    }

    /// Two children race, and the loser is cancelled.
    @Sendable private static func timeouts() async throws {
        for _ in 0..<BatchSize.timeouts {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {}
                group.addTask { try await Task.sleep(for: .seconds(60)) }
                try await group.next()
                group.cancelAll()
            }
        }
    }
}
