import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// Time that only the test moves.
@Suite(.watched)
struct ManualTimeTests {
    static var manual: VirtualTime.Options {
        var options = VirtualTime.Options()
        options.jumps = false
        options.patience = .milliseconds(1)
        return options
    }

    @Test func `time moves only as far as it is told, and tasks run at their deadlines`()
        async throws
    {
        try await withVirtualTime(Self.manual) {
            let ended = Recorder<Duration>()
            for seconds in 1...5 {
                spawn {
                    try await sleep(for: .seconds(seconds))
                    ended.append(VirtualTime.now)
                }
            }
            try await VirtualTime.advance(by: .milliseconds(999))
            #expect(ended.elements == [])
            try await VirtualTime.advance(by: .milliseconds(1))
            #expect(ended.elements == [.seconds(1)])
            try await VirtualTime.advance(by: .milliseconds(2_500))
            #expect(ended.elements == [.seconds(1), .seconds(2), .seconds(3)])
            #expect(VirtualTime.now == .milliseconds(3_500))
            try await VirtualTime.advance(by: .seconds(10))
            #expect(ended.count == 5)
        }
    }

    @Test func `what a task arms on the way is part of the way`() async throws {
        try await withVirtualTime(Self.manual) {
            let ticks = Recorder<Duration>()
            let ticker = spawn {
                while true {
                    try await sleep(for: .seconds(1))
                    ticks.append(VirtualTime.now)
                }
            }
            try await VirtualTime.advance(by: .milliseconds(3_600))
            #expect(ticks.elements == [.seconds(1), .seconds(2), .seconds(3)])
            ticker.cancel()
            _ = await ticker.result
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func `to advance by nothing lets run what can run`(duration: Duration) async throws {
        try await withVirtualTime(Self.manual) {
            let ran = Recorder<Int>()
            spawn {
                for step in 0..<100 {
                    ran.append(step)
                    try await yield()
                }
            }
            try await VirtualTime.advance(by: duration)
            #expect(ran.count == 100)
            #expect(VirtualTime.now == .zero)
        }
    }

    @Test func `a plain Task.sleep and a timeout end by hand, too`() async throws {
        try await withVirtualTime(Self.manual) {
            let sleeper = spawn { try await Task.sleep(for: .seconds(2)) }
            let late = spawn { try await withTimeout(.seconds(1)) { try await sleep(for: .hour) } }
            try await VirtualTime.advance(by: .seconds(2))
            #expect(sleeper.isFinished)
            await #expect(throws: TimeoutError.self) { try await late.value }
        }
    }

    @Test func `advance may also be used while time jumps`() async throws {
        try await withVirtualTime {
            let ended = Recorder<Duration>()
            spawn {
                try await sleep(for: .seconds(5))
                ended.append(VirtualTime.now)
            }
            try await VirtualTime.advance(by: .seconds(3))
            #expect(VirtualTime.now == .seconds(3))
            #expect(ended.elements == [])
            try await sleep(for: .seconds(3))
            #expect(ended.elements == [.seconds(5)])
        }
    }

    @Test func `advance cancelled before, and on its way, leaves time where it is`() async throws {
        try await withVirtualTime(Self.manual) {
            let early = spawn { try await VirtualTime.advance(by: .seconds(1)) }
            early.cancel()
            await #expect(throws: CancellationError.self) { try await early.value }
            #expect(VirtualTime.now == .zero)
            let way = Recorder<TaskHandle<Void, any Error>>()
            spawn {
                try await sleep(for: .seconds(4))
                way.elements[0].cancel()
            }
            try await waitUntilAllBlocked()
            way.append(spawn { try await VirtualTime.advance(by: .seconds(10)) })
            await #expect(throws: CancellationError.self) { try await way.elements[0].value }
            #expect(VirtualTime.now == .seconds(4))
        }
    }

    @Test func `a run that nobody moves on runs dry, and says when its next deadline is`()
        async throws
    {
        let error = try await RanDryTests.ranDry(Self.manual) { try await sleep(for: .seconds(9)) }
        #expect(error.waits == [.init(task: "main", what: "sleep", since: .zero)])
        #expect("\(error)".contains("the next deadline is at 9.0 seconds"))
    }
}
