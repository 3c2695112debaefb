import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct RunTests {
    @Test func `run returns the body's value`() async throws {
        let value = try await onThread { try EventLoop.run { 42 } }
        #expect(value == 42)
    }
}
