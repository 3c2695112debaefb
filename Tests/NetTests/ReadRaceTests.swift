import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What ends a read, from two threads at the same time.
@Suite(.watched)
struct ReadRaceTests {
    @Test
    func `a byte and a cancellation from another thread race, and no byte is lost (D17, D18)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                for round in 0..<400 {
                    let reader = spawn {
                        var memory: [UInt8] = [0]
                        var span = memory.mutableSpan
                        var bytes = span.mutableBytes
                        return round.isMultiple(of: 2)
                            ? try await near.read(upTo: 1)?.count
                            : try await near.read(into: &bytes)
                    }
                    try await yield()
                    async let cancelling: Void = onThread {
                        // From before the byte is there to after it.
                        for _ in 0..<(round % 40) { _ = getppid() }
                        reader.cancel()
                    }
                    try await far.write([1])
                    let result = await reader.result
                    try await cancelling
                    if result.isCancelled {
                        let byte = try await near.read(upTo: 1)
                        #expect(byte == [1])
                    } else {
                        let count = try result.get()
                        #expect(count == 1)
                    }
                }
                #expect(near.bytesRead == 400)
            }
        }
    }
}
