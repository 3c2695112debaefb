import AsyncCoreTestSupport
import AsyncCoreTesting
import Glibc
import Testing

@testable import AsyncCore

/// A pipe, without blocking.
private struct Pipe {
    let reader: CInt
    let writer: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        (reader, writer) = (ends[0], ends[1])
    }

    func send(_ count: Int = 1) { Glibc.write(writer, [UInt8](repeating: 7, count: count), count) }

    /// Reads at most `count` bytes; -1 if there are none.
    func take(_ count: Int = 65_536) -> Int {
        var bytes = [UInt8](repeating: 0, count: count)
        return Glibc.read(reader, &bytes, count)
    }

    /// Writes until there is no room.
    func fill() {
        while Glibc.write(writer, [UInt8](repeating: 7, count: 4096), 4096) > 0 {}
    }

    func closeAll() {
        Glibc.close(reader)
        Glibc.close(writer)
    }
}

/// Waiting for descriptors of others: S410 to S426, A8, A11.
@Suite(.watched)
struct AsyncDescriptorTests {
    /// Runs `body` on a loop with a pipe, and the watches of its ends.
    private static func withPipe(
        _ body:
            @escaping @Sendable (Pipe, _ reader: AsyncDescriptor, _ writer: AsyncDescriptor)
            async throws -> Void
    ) async throws {
        try await onLoop {
            let pipe = Pipe()
            let (reader, writer) = try (AsyncDescriptor(pipe.reader), AsyncDescriptor(pipe.writer))
            try await body(pipe, reader, writer)
            await reader.close()
            await writer.close()
            pipe.closeAll()
        }
    }

    @Test func `a reader waits until there is something, and only as long (S421)`() async throws {
        try await Self.withPipe { pipe, reader, writer in
            try await writer.waitUntilWritable()
            for _ in 0..<3 {
                let waiting = spawn { try await reader.waitUntilReadable() }
                try await settle()
                #expect(!waiting.isFinished)
                pipe.send(2)
                try await waiting.value
                // What was not read counts.
                #expect(pipe.take(1) == 1)
                try await reader.waitUntilReadable()
                #expect(pipe.take() == 1)
            }
        }
    }

    @Test func `a writer waits until there is room, beside a reader (S411, S422)`() async throws {
        try await Self.withPipe { pipe, reader, writer in
            pipe.fill()
            let waiting = spawn { try await writer.waitUntilWritable() }
            try await settle()
            #expect(!waiting.isFinished)
            try await reader.waitUntilReadable()
            while pipe.take() > 0 {}
            try await waiting.value
        }
    }

    @Test func `one descriptor is waited for in both directions at once (S411)`() async throws {
        try await onLoop {
            try await withPair { near, far in
                let watch = try AsyncDescriptor(near.descriptor)
                try await watch.waitUntilWritable()
                let reading = spawn { try await watch.waitUntilReadable() }
                try await settle()
                try await watch.waitUntilWritable()
                #expect(!reading.isFinished)
                try await far.write("x")
                try await reading.value
                await watch.close()
            }
        }
    }

    @Test func `the writer's end wakes the reader, with what is left to read first (S426, A11)`()
        async throws
    {
        try await onLoop {
            let pipe = Pipe()
            let reader = try AsyncDescriptor(pipe.reader)
            let waiting = spawn { try await reader.waitUntilReadable() }
            try await settle()
            pipe.send(3)
            close(pipe.writer)
            try await waiting.value
            #expect(pipe.take() == 3)
            for _ in 0..<3 {
                try await reader.waitUntilReadable()
                #expect(pipe.take() == 0)
            }
            await reader.close()
            close(pipe.reader)
        }
    }

    @Test func `another loop is a descriptor as well`() async throws {
        try await onLoop {
            let other = try EventLoop(configuration: .quiet)
            let watch = try AsyncDescriptor(other.pollableDescriptor)
            let done = Recorder<Int>()
            other.spawn {
                done.append(1)
                other.stop()
            }
            while !other.isStopped {
                try await watch.waitUntilReadable()
                _ = try await onThread { try other.runReady() }
            }
            #expect(done.count == 1)
            await watch.close()
        }
    }

    @Test func `what cannot be watched is refused, and the error says why (S419, A8)`() async throws
    {
        try await onLoop {
            for path in ["/etc/hostname", "/tmp"] {
                let file = open(path, O_RDONLY)
                let error = #expect(throws: IOError.self) { try AsyncDescriptor(file) }
                #expect(error?.code == .notPollable)
                #expect("\(error!)".contains("blocking"))
                close(file)
            }
            for number in [CInt(-1), 9_999] {
                let error = #expect(throws: IOError.self) { try AsyncDescriptor(number) }
                #expect(error?.code == .badDescriptor && error?.errno == EBADF)
            }
            try await yield()
        }
    }

    @Test func `a second task that waits for the same is told so (S410)`() async throws {
        try await Self.withPipe { pipe, reader, _ in
            let first = spawn { try await reader.waitUntilReadable() }
            try await settle()
            #expect(await ioCode { try await reader.waitUntilReadable() } == .busy)
            pipe.send()
            try await first.value
        }
    }

    @Test func `closing the watch wakes who waits, and who comes later (S417)`() async throws {
        try await Self.withPipe { pipe, reader, writer in
            pipe.fill()
            let tasks = [
                spawn { try await writer.waitUntilWritable() },
                spawn {
                    while pipe.take() > 0 {}
                    try await reader.waitUntilReadable()
                },
            ]
            try await tasks[0].value
            await reader.close()
            #expect(await tasks[1].result.ioCode == .closed)
            #expect(await ioCode { try await reader.waitUntilReadable() } == .closed)
            // The descriptor itself is the caller's still.
            pipe.send()
            #expect(pipe.take() == 1)
        }
    }

    @Test func `a wait is cancelled before it begins, and while it lasts (S436)`() async throws {
        try await Self.withPipe { pipe, reader, _ in
            let waiting = spawn { try await reader.waitUntilReadable() }
            try await settle()
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            pipe.send()
            let late = spawn { try await reader.waitUntilReadable() }
            late.cancel()
            #expect(await late.result.isCancelled)
            try await reader.waitUntilReadable()
        }
    }

    @Test func `an event and a cancellation in one turn lose nothing, in both orders`() async throws
    {
        try await Self.withPipe { pipe, reader, _ in
            for cancelsFirst in [true, false] {
                let waiting = spawn { try await reader.waitUntilReadable() }
                try await settle()
                if cancelsFirst { waiting.cancel() }
                pipe.send()
                if !cancelsFirst { waiting.cancel() }
                _ = await waiting.result
                try await reader.waitUntilReadable()
                #expect(pipe.take() == 1)
            }
        }
    }

    @Test func `a descriptor closed behind its back confuses nobody (S418, S416)`() async throws {
        try await onLoop {
            let pipe = Pipe()
            let reader = try AsyncDescriptor(pipe.reader)
            let waiting = spawn { try await reader.waitUntilReadable() }
            try await settle()
            close(pipe.reader)
            // Takes the number, most likely; its events are its own.
            let other = Pipe()
            other.send()
            try await settle()
            #expect(!waiting.isFinished)
            pipe.send()
            try await waiting.value
            await reader.close()
            close(pipe.writer)
            other.closeAll()
        }
    }

    @Test func `two that watch one descriptor, on one loop or on two, are both told (A24)`()
        async throws
    {
        let other = try EventLoop.start(configuration: .quiet)
        try await Self.withPipe { pipe, reader, _ in
            let beside = try AsyncDescriptor(pipe.reader)
            let elsewhere = try await other.run { try AsyncDescriptor(pipe.reader) }
            for _ in 0..<3 {
                let waiting = [
                    spawn { try await reader.waitUntilReadable() },
                    spawn { try await beside.waitUntilReadable() },
                    other.spawn { try await elsewhere.waitUntilReadable() },
                ]
                try await settle()
                #expect(!waiting.contains { $0.isFinished })
                pipe.send()
                for task in waiting { try await task.value }
                #expect(pipe.take() == 1)
            }
            await beside.close()
            await elsewhere.close()
        }
        try await other.shutdown()
    }

    @Test func `a watched descriptor's flags, which others share, stay as they are (A28)`()
        async throws
    {
        try await onLoop {
            // As of a terminal: in blocking mode.
            var ends: [CInt] = [-1, -1]
            #expect(pipe(&ends) == 0)
            let before = ends.map { (fcntl($0, F_GETFL), fcntl($0, F_GETFD)) }
            let watch = try AsyncDescriptor(ends[0])
            let waiting = spawn { try await watch.waitUntilReadable() }
            try await settle()
            #expect(write(ends[1], "x", 1) == 1)
            try await waiting.value
            await watch.close()
            for (end, flags) in zip(ends, before) {
                #expect((fcntl(end, F_GETFL), fcntl(end, F_GETFD)) == flags)
                close(end)
            }
        }
    }

    @Test(arguments: [true, false])
    func `who waits for room learns that the peer reads, or goes (S517)`(reads: Bool) async throws {
        try await onLoop {
            try await withPair { near, far in
                near.shrinkBuffer()
                let block = [UInt8](repeating: 7, count: 65_536)
                // Late acknowledgements make room again, until the far end's buffer is full, too.
                while send(near.descriptor, block, block.count, CInt(MSG_NOSIGNAL)) > 0 {
                    try await settle()
                }
                let watch = try AsyncDescriptor(near.descriptor)
                // What was written has not all arrived yet, but the far end takes nothing.
                let waiting = spawn { try await watch.waitUntilWritable() }
                try await settle()
                #expect(!waiting.isFinished)
                if reads {
                    while !waiting.isFinished {
                        let nothingIsThere = far.readiness.isDisjoint(with: .endsReadWait)
                        if nothingIsThere {
                            try await yield()
                        } else {
                            _ = try await far.read(upTo: 65_536)
                        }
                    }
                } else {
                    await far.close()
                }
                try await waiting.value
                await watch.close()
            }
        }
    }

    @Test func `a loop that stops wakes who waits; calls from elsewhere are forwarded`()
        async throws
    {
        let pipe = Pipe()
        let loop = try EventLoop.start(configuration: .quiet)
        let reader = try await loop.run { try AsyncDescriptor(pipe.reader) }
        let elsewhere = Task { try await reader.waitUntilReadable() }
        pipe.send()
        try await elsewhere.value
        _ = pipe.take()
        let waiting = loop.spawn { try await reader.waitUntilReadable() }
        try await loop.run { try await settle() }
        try await loop.shutdown()
        let result = await waiting.result
        #expect(result.isCancelled || result.isStopped)
        await #expect(throws: EventLoopError.stopped) { try await reader.waitUntilReadable() }
        pipe.closeAll()
    }

    @Test func `one that is always ready lets others run`() async throws {
        try await Self.withPipe { pipe, reader, _ in
            pipe.send()
            let other = spawn { try await yield() }
            while !other.isFinished { try await reader.waitUntilReadable() }
        }
    }

    @Test func `on virtual time, time waits for what has come`() async throws {
        try await withVirtualTime {
            let pipe = Pipe()
            let reader = try AsyncDescriptor(pipe.reader)
            let waiting = spawn {
                try await withTimeout(.seconds(5)) { try await reader.waitUntilReadable() }
            }
            try await sleep(for: .seconds(1))
            pipe.send()
            try await waiting.value
            await reader.close()
            pipe.closeAll()
        }
    }
}
