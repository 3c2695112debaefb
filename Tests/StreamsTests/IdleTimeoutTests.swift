import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

/// Streams on which nothing happens: D9 and what surrounds it.
@Suite(.watched)
struct IdleTimeoutTests {
    private static let limit: Duration = .seconds(40)

    @Test func `a stream that is idle ends after its time, not earlier`() async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            let error = await #expect(throws: IdleTimeoutError.self) {
                try await near.withIdleTimeout(Self.limit) { _ = try await $0.read(upTo: 1) }
            }
            #expect(error == IdleTimeoutError(Self.limit))
            #expect(VirtualTime.now == Self.limit)
            // The stream itself is as it was.
            try await far.write("x")
            #expect(try await near.read(upTo: 9) == .of("x"))
        }
    }

    @Test(arguments: [1, 5, 9, 10, 11, 39], [true, false])
    func `it ends at most a quarter later than that after the last byte`(
        seconds: Int, reads: Bool
    ) async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            spawn {
                for _ in 0..<7 {
                    try await sleep(for: .seconds(seconds))
                    if reads { try await far.write("x") } else { _ = try await far.read(upTo: 1) }
                }
            }
            // The one direction makes progress, the other one waits.
            await #expect(throws: IdleTimeoutError.self) {
                try await near.withIdleTimeout(Self.limit) { stream in
                    while true {
                        if reads {
                            _ = try await stream.read(upTo: 1)
                        } else {
                            try await stream.write([UInt8](repeating: 1, count: 65_536))
                        }
                    }
                }
            }
            // Filling the buffer is progress at the beginning; each read makes room for a byte.
            let last: Duration = .seconds(7 * seconds)
            #expect(VirtualTime.now >= last + Self.limit)
            #expect(VirtualTime.now < last + Self.limit * 5 / 4)
        }
    }

    @Test func `a stream with a byte now and then is never idle`() async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            spawn {
                for _ in 0..<1000 {
                    try await sleep(for: .seconds(39))
                    try await far.write("x")
                }
                try await far.finishWriting()
            }
            let count = try await near.withIdleTimeout(Self.limit) { stream in
                var count = 0
                while let bytes = try await stream.read(upTo: 9) { count += bytes.count }
                return count
            }
            #expect(count == 1000)
            #expect(VirtualTime.now == .seconds(39_000))
        }
    }

    @Test func `reads and writes cost no timer`() async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            try await near.withIdleTimeout(Self.limit) { near in
                let armed = EventLoop.current!.statistics.armedTimers
                for _ in 0..<100 {
                    try await near.write("x")
                    _ = try await far.read(upTo: 1)
                    try await far.write("y")
                    _ = try await near.read(upTo: 1)
                    #expect(EventLoop.current!.statistics.armedTimers == armed)
                }
            }
        }
    }

    @Test func `the body's value and error are its own, also after its cancellation`() async throws
    {
        struct Failure: Error {}
        try await withVirtualTime {
            let (near, _) = MemoryStream.pair()
            await #expect(throws: Failure.self) {
                try await near.withIdleTimeout(Self.limit) { _ in throw Failure() }
            }
            await #expect(throws: Failure.self) {
                try await near.withIdleTimeout(Self.limit) { _ in
                    do { try await sleep(for: .seconds(3600)) } catch { throw Failure() }
                }
            }
            let value = try await near.withIdleTimeout(Self.limit) { _ in
                try? await sleep(for: .seconds(3600))
                return 7
            }
            #expect(value == 7)
        }
    }

    @Test func `a cancelled caller is cancelled, not idle`() async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            let task = spawn {
                try await near.withIdleTimeout(Self.limit) { _ = try await $0.read(upTo: 1) }
            }
            try await sleep(for: .seconds(20))
            task.cancel()
            #expect(await task.result.isCancelled)
            await far.close()
            let before = spawn {
                try await near.withIdleTimeout(Self.limit) { _ = try await $0.read(upTo: 1) }
            }
            before.cancel()
            #expect(await before.result.isCancelled)
        }
    }

    @Test func `a timeout around it is a timeout, and its looks are no deadline`() async throws {
        try await withVirtualTime {
            let (near, far) = MemoryStream.pair()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(30)) {
                    try await near.withIdleTimeout(Self.limit) { _ = try await $0.read(upTo: 1) }
                }
            }
            #expect(VirtualTime.now == .seconds(30))
            try await near.withIdleTimeout(Self.limit) { _ in
                #expect(CancelScope.effectiveDeadline == nil)
            }
            await far.close()
        }
    }

    @Test func `any stream will do, on no loop, too`() async throws {
        let (near, far) = MemoryStream.pair()
        let stream: any ByteStream = near
        await #expect(throws: IdleTimeoutError.self) {
            try await stream.withIdleTimeout(.milliseconds(4)) { _ = try await $0.read(upTo: 1) }
        }
        try await far.write("x")
        let bytes = try await stream.withIdleTimeout(.seconds(3600)) { stream in
            try await stream.read(upTo: 9)
        }
        #expect(bytes == .of("x"))
    }

    @Test func `a loop that stops is no idle stream (I11)`() async throws {
        let task = try await onLoop {
            let (near, far) = MemoryStream.pair()
            // One that the loop knows nothing of, and does not cancel.
            let task = Task(executorPreference: EventLoop.current!.taskExecutor) {
                try await near.withIdleTimeout(.seconds(3600)) { _ = try await $0.read(upTo: 1) }
                await far.close()
            }
            while EventLoop.current!.statistics.armedTimers == 0 { try await yield() }
            return task
        }
        await #expect(throws: EventLoopError.stopped) { try await task.value }
    }

    @Test func `looks come at quarters, and the last one at the end`() {
        var state = IdleState(limit: 40)
        #expect(state.look(at: 0, now: 100) == 110)
        #expect(state.look(at: 0, now: 110) == 120)
        #expect(state.look(at: 1, now: 125) == 135)
        #expect(state.look(at: 1, now: 160) == 165)
        #expect(state.look(at: 1, now: 165) == nil)
        #expect(state.look(at: 2, now: 200) == 210)
        #expect(state.look(at: 2, now: 240) == nil)
        var short = IdleState(limit: 1)
        #expect(short.look(at: 0, now: 0) == 1)
        #expect(short.look(at: 0, now: 1) == nil)
        var endless = IdleState(limit: .max)
        #expect(endless.look(at: 0, now: .max - 1) == .max)
    }
}
