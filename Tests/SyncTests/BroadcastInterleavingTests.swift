import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Broadcasts and watches under many orders of their tasks.
@Suite(.watched)
struct BroadcastInterleavingTests {
    /// What the tasks of one run share. They are all on one loop.
    private final class Run: @unchecked Sendable {
        // Used by tasks of one loop only.
        var random: SeededGenerator
        var heard: [[Int]] = []

        init(seed: UInt64) { random = SeededGenerator(seed: seed) }
    }

    /// Receives until the end, through tasks that are cancelled now and then; a miss is a nil.
    private static func listen(
        _ run: Run, _ receiver: Broadcast<Int>.Receiver
    ) async throws -> [Int?] {
        var heard: [Int?] = []
        while true {
            let receiving = spawn { try await receiver.receive() }
            if run.random.below(3) == 0 {
                for _ in 0..<run.random.below(3) { try await yield() }
                receiving.cancel()
            }
            do { heard.append(try await receiving.value) } catch is CancellationError {
            } catch ChannelError.lagged(let missed) {
                heard += Array(repeating: nil, count: missed)
            } catch ChannelError.endOfChannel { return heard }
        }
    }

    @Test func `whatever the order, each receiver gets or misses every element (S104, S138, L2)`()
        async throws
    {
        let lags = Recorder<Int>()
        try await withSeeds { seed in
            let run = Run(seed: seed)
            let broadcast = Broadcast<Int>(capacity: 1 + Int(seed % 3))
            let listening = (0..<3).map { _ in
                let receiver = broadcast.subscribe()
                return spawn { try await Self.listen(run, receiver) }
            }
            for number in 0..<12 {
                #expect(try broadcast.send(number) == 3)
                if run.random.below(2) == 0 { try await yield() }
            }
            broadcast.close()
            for heard in try await gather(listening) {
                #expect(heard.count == 12)
                for (number, element) in heard.enumerated() where element != nil {
                    #expect(element == number)
                }
                lags.append(heard.count { $0 == nil })
            }
            #expect(broadcast.statistics.kept == 0)
        }
        #expect(lags.elements.contains { $0 > 0 } && lags.elements.contains(0), "too tame")
    }

    @Test func `whatever the order, a receiver of a watch ends with the last value (S145, S146)`()
        async throws
    {
        try await withSeeds { seed in
            let run = Run(seed: seed)
            let watch = Watch(0)
            let watching = (0..<3).map { _ in
                let receiver = watch.subscribe()
                return spawn { () async throws -> [Int] in
                    var seen: [Int] = []
                    while true {
                        let receiving = spawn { try await receiver.receive() }
                        if run.random.below(3) == 0 {
                            for _ in 0..<run.random.below(3) { try await yield() }
                            receiving.cancel()
                        }
                        do { seen.append(try await receiving.value) } catch is CancellationError {
                        } catch ChannelError.endOfChannel { return seen }
                    }
                }
            }
            for number in 1...8 {
                try watch.send(number)
                for _ in 0..<run.random.below(3) { try await yield() }
            }
            watch.close()
            for seen in try await gather(watching) {
                #expect(seen.last == 8)
                #expect(seen == Set(seen).sorted())
            }
        }
    }
}
