import AsyncCoreTestSupport
import Testing

import AsyncCore
import AsyncCoreTesting

/// What virtual time costs.
@Suite(.watched)
struct VirtualHourTests {
    /// A debug build, which may run under a sanitizer, gets a minute.
    #if DEBUG
        static let seconds = 60
    #else
        static let seconds = 3_600
    #endif

    /// A hundred tasks that sleep for a second again and again, each at its own millisecond of it.
    static func hour() async throws -> Int {
        try await withVirtualTime {
            let sleeps = try await gather(Array(0..<100)) { number in
                try await sleep(for: .milliseconds(number))
                for _ in 0..<seconds { try await sleep(for: .seconds(1)) }
                return seconds
            }
            return sleeps.reduce(0, +)
        }
    }

    @Test func `a virtual hour of a hundred sleepers is not a real one (S334)`()
        async throws
    {
        // About a second in a release build. How long it takes is not for a test to judge; a real
        // hour would be.
        #expect(try await Self.hour() == 100 * Self.seconds)
    }
}
