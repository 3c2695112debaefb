import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Time that jumps.
@Suite(.watched)
struct VirtualTimeTests {
    @Test func `hours of sleep take no real time (S334)`() async throws {
        let start = ContinuousClock.now
        try await withVirtualTime {
            try await sleep(for: .seconds(7200))
            #expect(VirtualTime.now == .seconds(7200))
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `plain Task.sleep goes by virtual time, and is exact (S334)`() async throws {
        try await withVirtualTime {
            for _ in 0..<10 { try await Task.sleep(for: .seconds(60)) }
            #expect(VirtualTime.now == .seconds(600))
            try await Task.sleep(until: .now + .seconds(5))
            #expect(VirtualTime.now == .seconds(605))
            try await Task.sleep(nanoseconds: 1_000_000_000)
            #expect(VirtualTime.now == .seconds(606))
        }
    }
}
