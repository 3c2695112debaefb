import AsyncCoreTestSupport
import Testing

import AsyncCore
import AsyncCoreTesting

/// Whole tests on virtual time.
@Suite(.watched)
struct TraitTests {
    static let seeds = Recorder<UInt64>()

    @Test(.virtualTime) func `a test runs on virtual time`() async throws {
        try await sleep(for: .hour)
        #expect(VirtualTime.now == .hour)
        #expect(VirtualTime.seed == nil)
        #expect(Test.current != nil)
    }

    @Test(.virtualTime(.init(seed: 7)), arguments: [1, 2])
    func `a test with arguments runs with a seed`(hours: Int) async throws {
        try await sleep(for: .hour * hours)
        #expect(VirtualTime.now == .hour * hours)
        #expect(VirtualTime.seed == 7)
    }

    @Test(.seeds(20)) func `a test runs under each seed, each time from the beginning`()
        async throws
    {
        Self.seeds.append(try #require(VirtualTime.seed))
        #expect(VirtualTime.now == .zero)
        try await sleep(for: .seconds(1))
        #expect(VirtualTime.now == .seconds(1))
        #expect(Self.seeds.elements.last == VirtualTime.seed)
    }

    @Suite(.seeds(5), .watched) struct Inner {
        @Test func `a suite hands its seeds to its tests`() async throws {
            #expect(VirtualTime.seed != nil)
            try await sleep(for: .hour)
        }
    }
}
