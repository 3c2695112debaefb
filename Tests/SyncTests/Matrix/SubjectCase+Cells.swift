import AsyncCoreTestSupport

@testable import AsyncCore

extension SubjectCase {
    private struct NotMade: Error {}

    /// Everybody fails to make the value, and the next in line tries.
    static let onceTurn = SubjectCase("once, failing") { _ in
        let once = AsyncOnce<Int>()
        let occupied = Recorder<Void>()
        return Subject(
            kind: .permit, limit: 1,
            occupy: {
                _ = try await once.turn()
                occupied.append(())
            },
            enter: { inside in
                do {
                    _ = try await once.value {
                        try await inside()
                        throw NotMade()
                    }
                } catch is NotMade {}
            },
            handOver: { if occupied.removeFirst() != nil { once.giveUpTurn() } },
            tryEnter: { !once.statistics.isInitialising },
            waiting: { once.statistics.waiting },
            isFree: {
                once.statistics == .init(isSet: false, isInitialising: false, waiting: 0)
            })
    }

    static let onceValue = SubjectCase("once, reading") { _ in
        let once = AsyncOnce<Int>()
        return Subject(
            kind: .value,
            enter: { inside in
                let value = try await once.wait()
                precondition(value == 7)
                try await inside()
            },
            handOver: { try? once.set(7) },
            tryEnter: { once.value != nil },
            waiting: { once.statistics.waiting },
            isFree: { once.statistics == .init(isSet: true, isInitialising: false, waiting: 0) },
            open: { try? once.set(7) })
    }

    static let promise = SubjectCase("promise") { _ in
        let promises = Recorder<Promise<Int>>()
        let promise = Promise<Int>()
        let future = promise.future
        promises.append(promise)
        return Subject(
            kind: .value,
            enter: { inside in
                let value = try await future.value
                precondition(value == 7)
                try await inside()
            },
            handOver: { try? promises.elements.first?.succeed(7) },
            tryEnter: { future.result != nil },
            waiting: { future.waiting },
            isFree: { future.result != nil && future.waiting == 0 },
            open: { try? promises.elements.first?.succeed(7) },
            close: {
                _ = promises.removeFirst()
                return PromiseError.dropped
            })
    }
}
