import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct DroppedLoopTests {
    @Test func `an embedded loop may be dropped without a stop, its listener open (S381)`()
        async throws
    {
        try await onThread {
            var loop: EventLoop? = try EventLoop(configuration: .quiet)
            let listening = loop?.spawn { try TCPListener.bind(to: .loopback(port: 0)) }
            try loop?.runReady()
            #expect(listening?.isFinished == true)
            #expect(loop?.statistics.watchedDescriptors == 1)
            loop = nil
        }
    }
}
