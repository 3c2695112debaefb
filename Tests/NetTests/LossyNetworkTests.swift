import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// A network that loses packets. TCP repeats them, some after a fifth of a second: what a stream reads and
/// writes stops and comes in pieces as on no loopback.
@Suite(.watched)
struct LossyNetworkTests {
    @Test func `with every tenth packet lost all bytes come, once and in order (D24)`() async throws
    {
        try await onLoop {
            try await withPair { near, far in
                for end in [near, far] { #expect(lose_packets(end.descriptor, 10) == 0) }
                let echo = spawn {
                    try await far.echo()
                    try await far.finishWriting()
                }
                var sentAgain: CInt = 0
                var rounds = 0
                while sentAgain < 3 || rounds < 5 {
                    let bytes = pattern(200_000 + rounds)
                    let writer = spawn { try await near.write(bytes) }
                    #expect(try await near.read(exactly: bytes.count) == bytes)
                    try await writer.value
                    sentAgain = [near, far].reduce(0) { $0 + packets_sent_again($1.descriptor) }
                    rounds += 1
                }
                try await near.finishWriting()
                #expect(try await near.readAll() == [])
                try await echo.value
            }
        }
    }
}
