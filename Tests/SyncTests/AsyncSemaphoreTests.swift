import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct AsyncSemaphoreTests {
    @Test func `a permit is taken and given back`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(1)
            try await semaphore.acquire()
            #expect(!semaphore.tryAcquire())
            try semaphore.release()
            #expect(semaphore.statistics.available == 1)
        }
    }
}
