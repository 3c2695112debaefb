import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// A conversation with an echo server that is cancelled at every point there is.
@Suite(.watched)
struct CancelSweepTests {
    @Test
    func `cancelled in any turn, no byte is lost and nothing leaked (D17, D18, C10, C16, I7)`()
        async throws
    {
        try await onScriptedLoop {
            var turns = 0
            var hasEnded = false
            while !hasEnded {
                hasEnded = try await converse { task in
                    for _ in 0..<turns { try await yield() }
                    task.cancel()
                }
                turns += 1
                #expect(turns < 1_000)
                if turns >= 1_000 { break }
            }
            // Each of the conversation's dozen waits takes a turn at least.
            #expect(turns > 10)
        }
    }

    @Test
    func
        `cancelled at any system call, no byte is lost and nothing leaked (D17, D18, C10, C16, I7)`()
        async throws
    {
        try await onScriptedLoop(CallHook.calls) {
            var number = 1
            var hasEnded = false
            while !hasEnded {
                hasEnded = try await converse { task in
                    CallHook.arm(at: number) { task.cancel() }
                }
                CallHook.disarm()
                number += 1
                #expect(number < 5_000)
                if number >= 5_000 { break }
            }
            #expect(number > 30)
        }
    }

    /// Lets `sabotage` cancel a client, then finishes its conversation in its stead, and compares.
    ///
    /// Returns whether the client got through.
    private func converse(
        _ sabotage: nonisolated(nonsending) (TaskHandle<Void, any Error>) async throws -> Void
    ) async throws -> Bool {
        let before = (script_open_descriptors(), currentLoop.statistics.watchedDescriptors)
        let listener = try TCPListener.bind(to: .loopback(port: 0))
        let server = spawn {
            for try await stream in listener {
                try await stream.withConnection { try await $0.echo() }
            }
        }
        let client = Client()
        let task = spawn { try await client.run(listener.localAddress) }
        try await sabotage(task)
        let result = await task.result
        if case .failure(let error) = result { #expect(error is CancellationError) }
        if let stream = client.stream.withLock({ $0 }) { try await client.finish(stream) }
        await listener.close()
        try await server.value
        try await settle()
        let after = (script_open_descriptors(), currentLoop.statistics.watchedDescriptors)
        #expect(before == after)
        if case .success = result { return true }
        return false
    }
}

/// The side that is cancelled. Whatever happened to it, `finish` can go on from there.
private final class Client: Sendable {
    let stream = Guarded<TCPStream?>(nil)
    private let received = Guarded<[UInt8]>([])

    func run(_ address: SocketAddress) async throws {
        let stream = try await TCPStream.connect(to: address)
        self.stream.withLock { $0 = stream }
        for round in 0..<4 {
            let start = round * 10
            try await stream.write(Array(pattern(start + 10)[start...]))
            while received.withLock({ $0.count }) < start + 10 {
                guard let bytes = try await stream.read(upTo: 7) else { return }
                received.withLock { $0 += bytes }
            }
        }
        try await stream.finishWriting()
        #expect(try await stream.read(upTo: 7) == nil)
    }

    /// Everything that was written comes back, and nothing else.
    func finish(_ stream: TCPStream) async throws {
        try await stream.finishWriting()
        let rest = try await stream.readAll()
        let all = received.withLock { $0 } + rest
        #expect(all == pattern(Int(stream.bytesWritten)))
        await stream.close()
    }
}

/// Calls back from within the system call with a given number. For one test at a time.
private enum CallHook {
    private static let hook = Guarded<(left: Int, action: @Sendable () -> Void)?>(nil)

    static func arm(at number: Int, _ action: @escaping @Sendable () -> Void) {
        hook.withLock { $0 = (number, action) }
    }

    static func disarm() { hook.withLock { $0 = nil } }

    static func count() {
        let due = hook.withLock { hook -> (@Sendable () -> Void)? in
            guard let now = hook else { return nil }
            hook = now.left == 1 ? nil : (now.left - 1, now.action)
            return now.left == 1 ? now.action : nil
        }
        due?()
    }

    static let calls = SystemCalls.scripted {
        $0.epoll_wait = {
            count()
            return script_sys().pointee.epoll_wait($0, $1, $2, $3)
        }
        $0.epoll_ctl = {
            count()
            return script_sys().pointee.epoll_ctl($0, $1, $2, $3)
        }
        $0.connect = {
            count()
            return script_sys().pointee.connect($0, $1, $2)
        }
        $0.accept4 = {
            count()
            return script_sys().pointee.accept4($0, $1, $2, $3)
        }
        $0.getsockopt = {
            count()
            return script_sys().pointee.getsockopt($0, $1, $2, $3, $4)
        }
        $0.recv = {
            count()
            return script_sys().pointee.recv($0, $1, $2, $3)
        }
        $0.recvmsg = {
            count()
            return script_sys().pointee.recvmsg($0, $1, $2)
        }
        $0.send = {
            count()
            return script_sys().pointee.send($0, $1, $2, $3)
        }
        $0.sendmsg = {
            count()
            return script_sys().pointee.sendmsg($0, $1, $2)
        }
        $0.shutdown = {
            count()
            return script_sys().pointee.shutdown($0, $1)
        }
        $0.close = {
            count()
            return script_sys().pointee.close($0)
        }
    }
}
