import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct GatherTests {
    @Test func `values come in the order of the tasks`() async throws {
        try await onLoop {
            let one = spawn { try await settle(5); return 1 }
            let two = spawn { "two" }
            let values = try await gather(one, two)
            #expect(values == (1, "two"))
        }
    }
}
