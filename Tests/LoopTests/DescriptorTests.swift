import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Loops take three descriptors each, or none, and give them back.
@Suite(.watched)
struct DescriptorTests {
    struct Failure: Error {}

    static let creationCalls = [
        (SCRIPT_EPOLL_CREATE1, 1), (SCRIPT_TIMERFD_CREATE, 1), (SCRIPT_EVENTFD, 1),
        (SCRIPT_EPOLL_CTL, 1), (SCRIPT_EPOLL_CTL, 2), (SCRIPT_REALLOC, 1),
    ]

    @Test(arguments: creationCalls.indices)
    func `a loop that cannot be made throws and leaves nothing open (B19 J10 S381)`(index: Int)
        async throws
    {
        let (call, number) = Self.creationCalls[index]
        let isMemory = call == SCRIPT_REALLOC || call == SCRIPT_EPOLL_CTL
        let errno = isMemory ? ENOMEM : EMFILE
        var configuration = EventLoop.Configuration.quiet
        configuration.systemCalls = SystemCalls(table: script_sys())
        let makers: [@Sendable (EventLoop.Configuration) throws -> Void] = [
            { _ = try EventLoop(configuration: $0) },
            { _ = try EventLoop.start(configuration: $0) },
            { try EventLoop.run(configuration: $0) {} },
        ]
        for make in makers {
            try await onThread { [configuration] in
                script_reset()
                script_fail(call, UInt64(number), 1, errno)
                let error = #expect(throws: IOError.self) { try make(configuration) }
                #expect(error?.code == .resourcesExhausted)
                #expect(error?.errno == errno)
                #expect(script_open_descriptors() == 0)
                #expect(script_live_blocks() == 0)
            }
        }
    }

    @Test func `a run gives its descriptors back, however it ends (S381)`() async throws {
        var configuration = EventLoop.Configuration.quiet
        configuration.systemCalls = SystemCalls(table: script_sys())
        try await onThread { [configuration] in
            script_reset()
            for number in 0..<20 {
                try? EventLoop.run(configuration: configuration) {
                    let listener = try TCPListener.bind(to: .loopback(port: 0))
                    spawn { _ = try await listener.accept() }
                    try await settle(2)
                    if number.isMultiple(of: 2) { throw Failure() }
                }
                #expect(script_open_descriptors() == 0)
                #expect(script_live_blocks() == 0)
            }
        }
    }

    @Test func `with too few descriptors left a loop is refused, and none leaks (J10 B19)`()
        async throws
    {
        let refused = "error: out of resources, leaked 0"
        let expected = [
            "0 left": refused, "1 left": refused, "2 left": refused, "3 left": "made, leaked 0",
        ]
        #expect(try await probe("few-descriptors") == expected)
    }

    @Test func `hundreds of loops leave no descriptor behind (S381)`() async throws {
        #expect(try await probe("many-loops") == ["leaked": "0"])
    }
}
