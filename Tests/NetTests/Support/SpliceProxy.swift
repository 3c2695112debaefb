import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// A client and a server, and a task that splices between them.
struct SpliceProxy: Sendable {
    let client: TCPStream
    let server: TCPStream
    /// The proxy's ends, which the task uses.
    let front: TCPStream
    let back: TCPStream
    let task: TaskHandle<CopiedBytes, any Error>

    /// Runs `body` on a scripted loop; all descriptors must be closed at its end, pipes as well.
    static func run(
        _ calls: SystemCalls = SystemCalls(table: script_sys()),
        _ body: @escaping @Sendable (SpliceProxy) async throws -> Void
    ) async throws {
        try await onScriptedLoop(calls) {
            try await withPair { client, front in
                try await withPair { back, server in
                    let task = spawn { try await spliceBidirectional(front, back) }
                    let proxy = SpliceProxy(
                        client: client, server: server, front: front, back: back, task: task)
                    try await body(proxy)
                    task.cancel()
                    _ = await task.result
                    #expect(proxy.pipes.lent == 0)
                    #expect(proxy.pipes.idleCount == 0)
                }
            }
        }
    }

    var pipes: PipePool { front.socket.core.pipes }

    /// Sends bytes to the server, and compares.
    func pass(_ bytes: [UInt8]) async throws {
        let writer = spawn { try await client.write(bytes) }
        let received = try await server.read(exactly: bytes.count)
        #expect(received == bytes)
        try await writer.value
    }

    /// Sends bulk to the server until that direction is spliced.
    func passBulk() async throws {
        let before = script_count(SCRIPT_SPLICE)
        repeat { try await pass(pattern(1_000_000)) } while script_count(SCRIPT_SPLICE) == before
    }

    /// Begins to send bulk that the server does not read: returns when the proxy, which splices,
    /// has to wait with bytes in its pipe.
    func flood() async throws -> TaskHandle<Void, any Error> {
        try await passBulk()
        let writer = spawn { while true { try await client.write(pattern(1_000_000)) } }
        try await back.untilFull()
        try await client.untilFull()
        #expect(pipes.lent == 1)
        return writer
    }
}
