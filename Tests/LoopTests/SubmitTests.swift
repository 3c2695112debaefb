import AsyncCoreTestSupport
import CEventLoopTestSupport
import Testing

@testable import AsyncCore

/// Synchronous work from other threads: S367 to S371, S373, S404.
@Suite(.watched)
struct SubmitTests {
    @Test func `a submission wakes a sleeping loop, and runs on it (S367)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        for _ in 0..<200 {
            let done = ThreadGate()
            try await onThread {
                try loop.submit {
                    #expect(loop.isCurrent)
                    done.open()
                }
                done.wait()
            }
        }
        try await loop.shutdown()
    }

    @Test func `many submissions to a sleeping loop cost one wake-up (S368)`() async throws {
        try await onThread {
            script_reset()
            var configuration = EventLoop.Configuration.quiet
            configuration.systemCalls = SystemCalls(table: script_sys())
            let loop = try EventLoop(configuration: configuration)
            try loop.runReady()
            let before = script_count(SCRIPT_WRITE)
            let ran = Recorder<Int>()
            for number in 0..<1_000 { try loop.submit { ran.append(number) } }
            #expect(script_count(SCRIPT_WRITE) - before == 1)
            #expect(ran.count == 0)
            try loop.runReady()
            #expect(ran.elements == Array(0..<1_000))
            try finish(loop)
        }
    }

    @Test func `what one thread submits runs in that order (S369)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let ran = (0..<4).map { _ in Recorder<Int>() }
        try await onThread {
            try onThreads(4) { number in
                for value in 0..<2_000 { try? loop.submit { ran[number].append(value) } }
            }
        }
        try await loop.run {}
        for recorder in ran { #expect(recorder.elements == Array(0..<2_000)) }
        try await loop.shutdown()
    }

    @Test func `on the loop itself a submission runs in the next turn`() async throws {
        try await onLoop {
            let steps = Recorder<Int>()
            try currentLoop.submit { steps.append(2) }
            steps.append(1)
            try await yield()
            #expect(steps.elements == [1, 2])
        }
    }

    @Test func `a submission that submits itself again does not starve tasks and timers (S370)`()
        async throws
    {
        try await onLoop {
            let loop = currentLoop
            let repeating = Repeating(loop)
            repeating.run()
            try await settle(50)
            try await sleep(for: .microseconds(100))
            repeating.stop()
            #expect(repeating.runs >= 50)
        }
    }

    @Test func `requests of one closure collapse into one while it is pending (S371)`() async throws
    {
        try await onLoop {
            let runs = Recorder<Int>()
            let call = CoalescedCall(on: currentLoop) { runs.append(1) }
            for _ in 0..<100 { try call.request() }
            #expect(runs.count == 0)
            try await settle(3)
            #expect(runs.count == 1)
            try call.request()
            try await settle(3)
            #expect(runs.count == 2)
        }
    }

    @Test func `a request that comes while the closure runs asks for another run (S371)`()
        async throws
    {
        try await onLoop {
            let box = CallBox()
            let call = CoalescedCall(on: currentLoop) {
                box.runs += 1
                if box.runs < 3 { try? box.call?.request() }
            }
            box.call = call
            try call.request()
            try await settle(10)
            #expect(box.runs == 3)
            box.call = nil
        }
    }

    @Test func `requests of many threads are all seen by a later run (S371, S373)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let sent = Recorder<Int>()
        let seen = Recorder<Int>()
        let call = CoalescedCall(on: loop) { seen.append(sent.count) }
        try await onThread {
            try onThreads(4) { _ in
                for number in 0..<2_000 {
                    sent.append(number)
                    try? call.request()
                }
            }
        }
        try await loop.run {}
        #expect(seen.elements.last == 8_000)
        #expect(seen.count <= 8_000)
        try await loop.shutdown()
    }

    @Test func `a loop that has ended takes no submission, and runs none (S404)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let runs = Recorder<Int>()
        let call = CoalescedCall(on: loop) { runs.append(1) }
        try await loop.shutdown()
        #expect(throws: EventLoopError.stopped) { try loop.submit { runs.append(2) } }
        for _ in 0..<2 { #expect(throws: EventLoopError.stopped) { try call.request() } }
        #expect(runs.count == 0)
    }

    @Test func `what was accepted runs, also on a loop that is about to end (S373)`() async throws {
        for _ in 0..<20 {
            let loop = try EventLoop.start(configuration: .quiet)
            let accepted = Recorder<Int>()
            let ran = Recorder<Bool>()
            try await onThread {
                try onThreads(3) { number in
                    if number == 0 { return loop.stop() }
                    for value in 0..<200 {
                        do { try loop.submit { ran.append(loop.isCurrent) } } catch { return }
                        accepted.append(value)
                    }
                }
            }
            try await loop.shutdown()
            #expect(ran.count == accepted.count)
            #expect(ran.elements.allSatisfy { $0 })
        }
    }
}

/// Submits itself again and again. For one loop.
private final class Repeating: @unchecked Sendable {
    private let loop: EventLoop
    private var isOver = false
    private(set) var runs = 0

    init(_ loop: EventLoop) { self.loop = loop }

    func run() {
        runs += 1
        if !isOver { try? loop.submit { self.run() } }
    }

    func stop() { isOver = true }
}

/// Lets a closure find its own call. For one loop.
private final class CallBox: @unchecked Sendable {
    var runs = 0
    var call: CoalescedCall?
}
