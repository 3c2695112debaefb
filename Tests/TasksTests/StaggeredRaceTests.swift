import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Attempts one after the other, as happy eyeballs makes them.
@Suite(.watched)
struct StaggeredRaceTests {
    @Test func `the next attempt begins after the delay, and the first value wins`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let winner = try await staggeredRace([9, 9, 1, 9], delay: .seconds(2)) { seconds in
                try await attempts.make(seconds)
            }
            #expect(winner == 1)
            #expect(attempts.starts == [0, 2, 4])
            #expect(attempts.cancellations == 2)
            #expect(VirtualTime.now == .seconds(5))
        }
    }

    @Test func `an attempt that fails lets the next begin at once`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let winner = try await staggeredRace([-1, -1, 3], delay: .hour) { seconds in
                try await attempts.make(seconds)
            }
            #expect(winner == 3)
            #expect(attempts.starts == [0, 1, 2])
        }
    }

    @Test func `the failure of an earlier attempt changes nothing`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let winner = try await staggeredRace([-3, 9, 9, 1], delay: .seconds(2)) { seconds in
                try await attempts.make(seconds)
            }
            #expect(winner == 1)
            #expect(attempts.starts == [0, 2, 4, 6])
        }
    }

    @Test func `one attempt after the other, without a delay`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let winner = try await staggeredRace([-5, 7, 1], delay: nil) { seconds in
                try await attempts.make(seconds)
            }
            #expect(winner == 7)
            #expect(attempts.starts == [0, 5])
        }
    }

    @Test func `with no time between them all begin at once`() async throws {
        try await withVirtualTime {
            for delay in [Duration.zero, .seconds(-1)] {
                let attempts = Attempts()
                let winner = try await staggeredRace([5, 3, 4], delay: delay) { seconds in
                    try await attempts.make(seconds)
                }
                #expect(winner == 3)
                #expect(Set(attempts.starts).count == 1 && attempts.starts.count == 3)
            }
        }
    }

    @Test func `if all fail, all errors are told in the order of the inputs`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let error = await #expect(throws: RaceError.self) {
                try await staggeredRace([-9, -2, -5], delay: .seconds(1)) { seconds in
                    try await attempts.make(seconds)
                }
            }
            #expect(error?.numbers == [9, 2, 5])
            #expect(VirtualTime.now == .seconds(9))
            let nobody = await #expect(throws: RaceError.self) {
                try await staggeredRace([Int](), delay: .zero) { $0 }
            }
            #expect(nobody?.numbers == nil)
        }
    }

    @Test func `a value that was there before the delay starts no other attempt`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let winner = try await staggeredRace([0, 1], delay: .hour) { seconds in
                try await attempts.make(seconds)
            }
            #expect(winner == 0)
            #expect(attempts.starts == [0])
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `cancelling the caller ends the attempts, and begins no other`() async throws {
        try await withVirtualTime {
            let attempts = Attempts()
            let before = spawn {
                TaskIdentity.current?.cancel()
                return try await staggeredRace([1], delay: nil) { try await attempts.make($0) }
            }
            await #expect(throws: CancellationError.self) { try await before.value }
            #expect(attempts.starts.isEmpty)
            let racing = spawn {
                try await staggeredRace([-1, 9, 9, 9], delay: .seconds(2)) { seconds in
                    try await attempts.make(seconds)
                }
            }
            try await sleep(for: .seconds(2))
            racing.cancel()
            await #expect(throws: CancellationError.self) { try await racing.value }
            #expect(attempts.starts == [0, 1])
            #expect(attempts.cancellations == 1)
            #expect(VirtualTime.now == .seconds(2))
        }
    }

    @Test func `when the loop stops, attempts that it does not know end`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let racing = Task(executorPreference: loop.taskExecutor) {
            try await staggeredRace([1, 2], delay: .hour) { _ in try await sleep(for: .hour) }
        }
        while try await loop.run({ loop.core.sleeperCount < 2 }) {}
        try await loop.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await racing.value }
    }

    @Test func `whatever the order, there is one winner, and all others have ended`() async throws {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let attempts = Attempts()
            let inputs = (0..<4).map { _ in random.below(7) - 3 }
            let racing = spawn(name: "race") {
                try await staggeredRace(inputs, delay: .seconds(1)) { try await attempts.make($0) }
            }
            if random.below(2) == 0 {
                try await sleep(for: .seconds(random.below(3)))
                racing.cancel()
            }
            switch await racing.result {
            case .success(let winner): #expect(winner >= 0 && inputs.contains(winner))
            case .failure(let error) where error is CancellationError: #expect(racing.isCancelled)
            case .failure: #expect(attempts.starts.count == 4)
            }
            #expect(attempts.running == 0)
        }
    }
}

/// What attempts did. For tasks of one loop.
private final class Attempts: @unchecked Sendable {
    private(set) var starts: [Int] = []
    private(set) var cancellations = 0
    private(set) var running = 0

    /// Takes so many seconds; a negative number fails after as many.
    func make(_ seconds: Int) async throws -> Int {
        starts.append(Int(VirtualTime.now.components.seconds))
        running += 1
        defer { running -= 1 }
        do { try await sleep(for: .seconds(abs(seconds))) } catch {
            cancellations += 1
            throw error
        }
        if seconds < 0 { throw Failure(number: -seconds) }
        return seconds
    }
}
