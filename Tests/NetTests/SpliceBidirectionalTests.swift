import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Connecting two connections in the kernel: S522, S523, S439, D19.
@Suite(.watched)
struct SpliceBidirectionalTests {
    // MARK: - What goes through

    @Test func `bulk is spliced in both directions, whole and counted (S522, S439)`() async throws {
        try await SpliceProxy.run { proxy in
            let echo = spawn {
                try await proxy.server.echo()
                try await proxy.server.write("end")
                try await proxy.server.finishWriting()
            }
            let writer = spawn {
                for _ in 0..<20 { try await proxy.client.write(pattern(1_000_000)) }
                try await proxy.client.finishWriting()
            }
            for _ in 0..<20 {
                let bytes = try await proxy.client.read(exactly: 1_000_000)
                #expect(bytes == pattern(1_000_000))
            }
            #expect(try await proxy.client.readAll() == Array("end".utf8))
            #expect(
                try await proxy.task.value == .init(fromFirst: 20_000_000, fromSecond: 20_000_003))
            #expect(proxy.back.bytesWritten == 20_000_000)
            #expect(proxy.front.bytesWritten == 20_000_003)
            #expect(proxy.front.bytesRead == 20_000_000)
            #expect(script_count(SCRIPT_SPLICE) > 0)
            try await echo.value
            try await writer.value
        }
    }

    @Test func `small messages are copied, and need no pipe`() async throws {
        try await SpliceProxy.run { proxy in
            for _ in 0..<50 { try await proxy.pass(pattern(100)) }
            #expect(script_count(SCRIPT_PIPE2) == 0)
            #expect(script_count(SCRIPT_SPLICE) == 0)
        }
    }

    @Test func `a flow that becomes small is copied again, and large once more`() async throws {
        try await SpliceProxy.run { proxy in
            for _ in 0..<3 {
                try await proxy.passBulk()
                for _ in 0..<SpliceFlow.inARow { try await proxy.pass(pattern(10)) }
                let splices = script_count(SCRIPT_SPLICE)
                for _ in 0..<20 { try await proxy.pass(pattern(10)) }
                // The one more is that which found nothing, and waited.
                #expect(script_count(SCRIPT_SPLICE) <= splices + 1)
            }
            #expect(script_count(SCRIPT_PIPE2) == 1)
        }
    }

    @Test
    func `an end is passed on after what was spliced, and the other direction goes on (S522)`()
        async throws
    {
        try await SpliceProxy.run { proxy in
            try await proxy.passBulk()
            try await proxy.client.finishWriting()
            #expect(try await proxy.server.read(upTo: 9) == nil)
            for _ in 0..<3 {
                try await proxy.server.write("more")
                #expect(try await proxy.client.read(exactly: 4) == Array("more".utf8))
            }
            #expect(!proxy.task.isFinished)
            try await proxy.server.finishWriting()
            #expect(try await proxy.task.value.fromSecond == 12)
        }
    }

    @Test func `who waits for bytes has no pipe`() async throws {
        try await SpliceProxy.run { proxy in
            try await proxy.passBulk()
            try await settle()
            #expect(proxy.pipes.lent == 0)
            #expect(proxy.pipes.idleCount == 1)
        }
    }

    @Test func `a direction that waits does not hold up the other (S523)`() async throws {
        try await SpliceProxy.run { proxy in
            let flood = try await proxy.flood()
            try await proxy.server.write("still here")
            #expect(try await proxy.client.read(exactly: 10) == Array("still here".utf8))
            // And goes on when there is room, with nothing lost or doubled.
            let sent = try await proxy.server.read(exactly: 3_000_000)
            #expect(sent == pattern(1_000_000) + pattern(1_000_000) + pattern(1_000_000))
            flood.cancel()
            _ = await flood.result
        }
    }

    @Test func `a Unix connection is spliced to a TCP connection, and back`() async throws {
        try await onScriptedLoop {
            try await withPair { back, server in
                let (client, front) = try UnixStream.pair()
                let proxy = spawn { try await spliceBidirectional(front, back) }
                let echo = spawn {
                    try await server.echo()
                    try await server.finishWriting()
                }
                let writer = spawn {
                    for _ in 0..<5 { try await client.write(pattern(1_000_000)) }
                    try await client.finishWriting()
                }
                let all = try await BufferedReader(client).readToEnd(limit: 6_000_000)
                #expect(all == (0..<5).flatMap { _ in pattern(1_000_000) })
                #expect(try await proxy.value == .init(fromFirst: 5_000_000, fromSecond: 5_000_000))
                #expect(script_count(SCRIPT_SPLICE) > 0)
                try await echo.value
                try await writer.value
                await client.close()
                await front.close()
            }
        }
    }

    // MARK: - What the kernel refuses

    @Test(arguments: [EINVAL, ENOSYS, EOPNOTSUPP])
    func `what the kernel refuses to take in is copied, and it is not asked again`(errno: CInt)
        async throws
    {
        try await SpliceProxy.run { proxy in
            script_fail(SCRIPT_SPLICE, 1, .max / 2, errno)
            try await proxy.passBulk()
            for _ in 0..<5 { try await proxy.pass(pattern(1_000_000)) }
            #expect(script_count(SCRIPT_SPLICE) == 1)
        }
    }

    @Test func `what the kernel refuses to send is taken out of the pipe, and copied`() async throws
    {
        try await SpliceProxy.run { proxy in
            script_fail(SCRIPT_SPLICE, 2, .max / 2, EINVAL)
            try await proxy.passBulk()
            for _ in 0..<5 { try await proxy.pass(pattern(1_000_000)) }
            #expect(script_count(SCRIPT_SPLICE) == 2)
            #expect(proxy.pipes.idleCount == 1)
        }
    }

    @Test(arguments: [EMFILE, ENFILE]) func `without a descriptor for a pipe bytes are copied`(
        errno: CInt
    ) async throws {
        try await SpliceProxy.run { proxy in
            script_fail(SCRIPT_PIPE2, 1, .max / 2, errno)
            while script_count(SCRIPT_PIPE2) < 3 { try await proxy.pass(pattern(1_000_000)) }
            #expect(script_count(SCRIPT_SPLICE) == 0)
            // It is tried again.
            script_fail(SCRIPT_PIPE2, 1, 0, 0)
            try await proxy.passBulk()
        }
    }

    @Test func `a pipe that may not be large is used as it is`() async throws {
        try await SpliceProxy.run { proxy in
            script_fail(SCRIPT_FCNTL, 1, .max / 2, EPERM)
            for _ in 0..<5 { try await proxy.passBulk() }
        }
    }

    @Test func `the calls are interrupted, and repeated`() async throws {
        try await SpliceProxy.run { proxy in
            script_fail(SCRIPT_PIPE2, 1, 2, EINTR)
            script_fail(SCRIPT_SPLICE, 1, 3, EINTR)
            for _ in 0..<3 { try await proxy.passBulk() }
            #expect(script_count(SCRIPT_PIPE2) == 3)
        }
    }

    @Test func `an error of a splice is that of the connection`() async throws {
        for nth in 1...2 {
            try await SpliceProxy.run { proxy in
                script_fail(SCRIPT_SPLICE, UInt64(nth), 1, ECONNRESET)
                let writer = spawn { while true { try await proxy.client.write(pattern(100_000)) } }
                let reader = spawn { try await proxy.server.readAll() }
                let error = await #expect(throws: IOError.self) { try await proxy.task.value }
                #expect(error?.code == .connectionReset)
                #expect(error?.operation.hasPrefix(nth == 1 ? "read from " : "write to ") == true)
                writer.cancel()
                reader.cancel()
                _ = await writer.result
                _ = await reader.result
            }
        }
    }

    // MARK: - Ends

    @Test func `a peer that goes while bytes are in the pipe ends both directions (S523)`()
        async throws
    {
        try await SpliceProxy.run { proxy in
            let flood = try await proxy.flood()
            await proxy.server.reset()
            let code = await proxy.task.result.ioCode
            #expect(code == .brokenPipe || code == .connectionReset)
            flood.cancel()
            _ = await flood.result
        }
    }

    @Test func `a cancelled task moves nothing (S437)`() async throws {
        try await onScriptedLoop {
            try await withPair { client, front in
                try await withPair { back, _ in
                    try await client.write("x")
                    let task = spawn { try await spliceBidirectional(front, back) }
                    task.cancel()
                    #expect(await task.result.isCancelled)
                    #expect(back.bytesWritten == 0)
                    #expect(try await front.read(upTo: 9) == Array("x".utf8))
                }
            }
        }
    }

    @Test func `a cancellation while nothing is under way loses nothing (S437)`() async throws {
        try await SpliceProxy.run { proxy in
            try await proxy.passBulk()
            proxy.task.cancel()
            #expect(await proxy.task.result.isCancelled)
            try await proxy.client.write("x")
            #expect(try await proxy.front.read(upTo: 9) == Array("x".utf8))
        }
    }

    @Test func `a cancellation while the pipe has bytes closes the pipe (D18)`() async throws {
        try await SpliceProxy.run { proxy in
            let flood = try await proxy.flood()
            let open = script_open_descriptors()
            proxy.task.cancel()
            #expect(await proxy.task.result.isCancelled)
            #expect(script_open_descriptors() == open - 2)
            #expect(proxy.back.bytesWritten < proxy.front.bytesRead)
            flood.cancel()
            _ = await flood.result
        }
    }

    @Test(arguments: [true, false])
    func `closed meanwhile is closed, whichever end it is (S446)`(isFront: Bool) async throws {
        try await SpliceProxy.run { proxy in
            let flood = try await proxy.flood()
            await (isFront ? proxy.front : proxy.back).close()
            // What waits to write to one end learns of the other when it has written.
            let reader = spawn { try await proxy.server.readAll() }
            #expect(await proxy.task.result.ioCode == .closed)
            flood.cancel()
            reader.cancel()
            _ = await flood.result
            _ = await reader.result
        }
        try await SpliceProxy.run { proxy in
            try await proxy.passBulk()
            try await settle()
            await (isFront ? proxy.front : proxy.back).close()
            #expect(await proxy.task.result.ioCode == .closed)
        }
    }

    @Test func `meanwhile others are busy, and who is first makes the copy busy (S516)`()
        async throws
    {
        try await SpliceProxy.run { proxy in
            try await proxy.passBulk()
            try await settle()
            #expect(await ioCode { _ = try await proxy.front.read(upTo: 1) } == .busy)
            let flood = try await proxy.flood()
            #expect(await ioCode { try await proxy.back.write("x") } == .busy)
            #expect(await ioCode { try await proxy.back.finishWriting() } == .busy)
            flood.cancel()
            _ = await flood.result
        }
        try await onScriptedLoop {
            try await withPair { _, front in
                try await withPair { back, _ in
                    let reader = spawn { _ = try await front.read(upTo: 1) }
                    try await settle()
                    #expect(await ioCode { try await spliceBidirectional(front, back) } == .busy)
                    reader.cancel()
                    _ = await reader.result
                }
            }
        }
    }

    @Test func `the end of the loop ends it, with bytes in the pipe or without (I11)`() async throws
    {
        let left = try await onLoop {
            let (client, front) = try await makePair()
            let (back, server) = try await makePair()
            let (idle, other) = (try await makePair(), try await makePair())
            let tasks = [
                startUnknownTask { try await spliceBidirectional(front, back) },
                startUnknownTask { try await spliceBidirectional(idle.far, other.near) },
            ]
            let proxy = SpliceProxy(
                client: client, server: server, front: front, back: back,
                task: spawn { CopiedBytes(fromFirst: 0, fromSecond: 0) })
            // There is no script on this loop: the pipes tell that it splices.
            while proxy.pipes.idleCount == 0 { try await proxy.pass(pattern(1_000_000)) }
            startUnknownTask { while true { try await client.write(pattern(1_000_000)) } }
            try await back.untilFull()
            #expect(proxy.pipes.lent == 1)
            return (tasks: tasks, proxy: proxy, idle: idle, other: other)
        }
        for task in left.tasks { #expect(await task.result.isStopped) }
        #expect(left.proxy.pipes.lent == 0)
        #expect(left.proxy.pipes.idleCount == 0)
    }

    @Test
    func `it works from elsewhere, and between loops, and not on a loop that has stopped (I11)`()
        async throws
    {
        try await withLoops(2) { loops in
            for second in loops {
                let (client, front) = try await loops[0].run { try await makePair() }
                let (back, server) = try await second.run { try await makePair() }
                async let copied = spliceBidirectional(front, back)
                async let echoed: Void = {
                    try await server.echo()
                    try await server.finishWriting()
                }()
                async let written: Void = {
                    for _ in 0..<5 { try await client.write(pattern(1_000_000)) }
                    try await client.finishWriting()
                }()
                let received = try await client.readAll()
                #expect(received == (0..<5).flatMap { _ in pattern(1_000_000) })
                _ = try await (echoed, written)
                #expect(try await copied == .init(fromFirst: 5_000_000, fromSecond: 5_000_000))
                for stream in [client, front, back, server] { await stream.close() }
            }
        }
        let owner = try EventLoop.start(name: "owner", configuration: .quiet)
        let (near, far) = try await owner.run { try await makePair() }
        try await owner.shutdown()
        await #expect(throws: EventLoopError.stopped) { try await spliceBidirectional(near, far) }
    }

    // MARK: - Fairness

    @Test func `a call moves 256 KiB at most, and others run in between (D19, S528)`() async throws
    {
        let calls = SystemCalls.scripted { table in
            table.splice = { from, to, count, flags in
                let moved = script_sys().pointee.splice(from, to, count, flags)
                largestSlice.withLock { $0 = max($0, moved) }
                return moved
            }
        }
        try await SpliceProxy.run(calls) { proxy in
            let turns = Recorder<Bool>()
            let other = spawn { while true { turns.append(true); try await yield() } }
            for _ in 0..<20 { try await proxy.passBulk() }
            // At least one in each MiB.
            #expect(turns.count >= 20)
            other.cancel()
            _ = await other.result
        }
        #expect((1...262_144).contains(largestSlice.withLock { $0 }))
    }
}

private let largestSlice = Guarded(0)
