import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncOnceTests {
    private struct NotMade: Error {}

    @Test func `a value is set once, and all who wait see it (S27)`() async throws {
        try await onLoop {
            let once = AsyncOnce<Int>()
            #expect(once.value == nil)
            let tasks = (0..<3).map { _ in spawn { try await once.wait() } }
            try await settle()
            #expect(once.statistics == .init(isSet: false, isInitialising: false, waiting: 3))
            try once.set(5)
            #expect(throws: OnceError.alreadySet) { try once.set(6) }
            #expect(once.value == 5)
            #expect(try await gather(tasks) == [5, 5, 5])
            #expect(try await once.wait() == 5)
            #expect(try await once.value { throw NotMade() } == 5)
        }
    }

    @Test func `many threads set a value: one wins, and all see the same (S27)`() async throws {
        for _ in 0..<50 {
            let once = AsyncOnce<Int>()
            let winners = Recorder<Int>()
            try await withLoops(2) { loops in
                let tasks = (0..<6).map { index in
                    loops[index % 2].spawn {
                        if index < 3, (try? once.set(index)) != nil { winners.append(index) }
                        return try await once.wait()
                    }
                }
                let seen = try await gather(tasks)
                #expect(Set(seen).count == 1)
            }
            #expect(winners.elements == [once.value])
        }
    }

    @Test func `one task makes the value, and its rivals never try (S28)`() async throws {
        try await onLoop {
            let once = AsyncOnce<Int>()
            let made = Recorder<Int>()
            let tasks = (0..<4).map { index in
                spawn {
                    try await once.value {
                        made.append(index)
                        try await yield()
                        return 10 + index
                    }
                }
            }
            let reader = spawn { try await once.wait() }
            let values = try await gather(tasks)
            #expect(values == [10, 10, 10, 10])
            #expect(try await reader.value == 10)
            #expect(made.elements == [0])
            #expect(once.statistics == .init(isSet: true, isInitialising: false, waiting: 0))
        }
    }

    @Test func `if one fails, the next in line tries, and the others wait on (S28)`() async throws {
        try await onLoop {
            let once = AsyncOnce<Int>()
            let made = Recorder<Int>()
            let tasks = (0..<4).map { index in
                spawn {
                    try await once.value {
                        made.append(index)
                        try await yield()
                        if index < 2 { throw NotMade() }
                        return index
                    }
                }
            }
            let reader = spawn { try await once.wait() }
            for task in tasks[0..<2] {
                await #expect(throws: NotMade.self) { try await task.value }
            }
            let values = try await gather(Array(tasks[2...]))
            #expect(values == [2, 2])
            #expect(try await reader.value == 2)
            #expect(made.elements == [0, 1, 2])
        }
    }

    @Test func `a maker that is cancelled gives its turn to the next (S28)`() async throws {
        try await onLoop {
            let once = AsyncOnce<Int>()
            let first = spawn {
                try await once.value {
                    try await sleep(for: .hour)
                    return 1
                }
            }
            try await settle()
            let second = spawn { try await once.value { 2 } }
            try await settle()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(try await second.value == 2)
        }
    }

    @Test func `set by hand while a task makes it, or in the making, is an error (S28)`()
        async throws
    {
        try await onLoop {
            let once = AsyncOnce<Int>()
            let maker = spawn {
                try await once.value {
                    try await settle()
                    await #expect(throws: OnceError.recursive) { try await once.value { 3 } }
                    return 1
                }
            }
            try await settle(2)
            #expect(throws: OnceError.initialising) { try once.set(2) }
            #expect(once.value == nil)
            #expect(once.statistics.isInitialising)
            #expect(try await maker.value == 1)
            #expect(throws: OnceError.alreadySet) { try once.set(2) }
        }
    }

    @Test func `the value is made once, whatever loop asks first (S28)`() async throws {
        let once = AsyncOnce<Int>()
        let made = Recorder<Void>()
        try await withLoops(2) { loops in
            let tasks = (0..<8).map { index in
                loops[index % 2].spawn {
                    try await once.value {
                        try await yield()
                        made.append(())
                        return made.count
                    }
                }
            }
            let values = try await gather(tasks)
            #expect(values.allSatisfy { $0 == 1 })
        }
    }

    @Test func `the errors say which rule was broken`() {
        #expect("\(OnceError.alreadySet)".contains("already"))
        #expect("\(OnceError.initialising)".contains("making"))
        #expect("\(OnceError.recursive)".contains("asked"))
    }
}
