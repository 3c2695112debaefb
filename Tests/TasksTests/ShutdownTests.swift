import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ShutdownTests {
    @Test func `a loop that has slept before ends when its last task is cancelled at the end`()
        async throws
    {
        try await onLoop {
            let sleeping = spawn { try await sleep(for: .hour) }
            // A real wait in the kernel takes in the wake-up from before the first turn.
            try await sleep(for: .microseconds(100))
            #expect(!sleeping.isFinished)
        }
    }
}
