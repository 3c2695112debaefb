import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Time that waits for other threads: S336.
@Suite(.watched)
struct HoldTests {
    @Test func `time does not jump while work on another thread is in flight (S336)`() async throws
    {
        try await withVirtualTime {
            let loop = EventLoop.current!
            let sleeper = spawn { try await sleep(for: .seconds(1)) }
            try await waitUntilAllBlocked()
            let times = try await VirtualTime.hold {
                // Each call lets the loop fall asleep with a deadline before it.
                try await onThread { try (0..<20).map { _ in try timeAsSeen(on: loop) } }
            }
            #expect(times == Array(repeating: .zero, count: 20))
            #expect(!sleeper.isFinished)
            try await sleeper.value
            #expect(VirtualTime.now == .seconds(1))
        }
    }

    @Test func `the end of such work wakes the loop though nobody awaits it (S336)`() async throws {
        for _ in 0..<50 {
            try await withVirtualTime {
                let core = LoopCore.current!
                core.holdVirtualTime()
                try CurrentThread.start(name: "work") {
                    _ = try? timeAsSeen(on: core.face!)
                    core.releaseVirtualTime()
                }
                try await sleep(for: .seconds(1))
                #expect(VirtualTime.now == .seconds(1))
            }
        }
    }

    @Test func `holds nest, and end with an error, too`() async throws {
        try await withVirtualTime {
            let loop = EventLoop.current!
            await #expect(throws: TimeoutError.self) {
                try await VirtualTime.hold {
                    await VirtualTime.hold {}
                    #expect(loop.core.simulation!.isHeld)
                    throw TimeoutError()
                }
            }
            #expect(!loop.core.simulation!.isHeld)
        }
    }

    @Test func `on a loop that works, to hold time is nothing`() async throws {
        try await onLoop {
            let core = LoopCore.current!
            core.holdVirtualTime()
            try await sleep(for: .milliseconds(1))
            core.releaseVirtualTime()
            core.releaseVirtualTime()
        }
    }
}

/// The loop's time, asked for from another thread, which waits for the answer.
private func timeAsSeen(on loop: EventLoop) throws -> Duration {
    let answer = Recorder<Duration>()
    let gate = ThreadGate()
    loop.spawn {
        answer.append(VirtualTime.now)
        gate.open()
    }
    gate.wait()
    return answer.elements[0]
}
