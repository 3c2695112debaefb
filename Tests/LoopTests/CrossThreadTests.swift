import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// What other threads send to a loop.
@Suite(.watched)
struct CrossThreadTests {
    @Test func `work from another thread wakes a loop that sleeps in the kernel (S367 B2)`()
        async throws
    {
        // Each hand-over finds the other loop asleep, or just about to: the race of B2.
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let count = try await loops[0].run {
            var count = 0
            for _ in 0..<5_000 { count += try await loops[1].run { 1 } }
            return count
        }
        #expect(count == 5_000)
        for loop in loops { try await loop.shutdown() }
    }

    @Test func `work of many threads, one job each, never gets stuck (S367 B2)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        for round in 0..<100 {
            let done = ThreadGate()
            let ran = Recorder<Int>()
            try await onThread {
                try onThreads(8) { number in
                    loop.core.post {
                        ran.append(number)
                        if ran.count == 8 { done.open() }
                    }
                }
                done.wait()
            }
            #expect(ran.elements.sorted() == Array(0..<8), "round \(round)")
        }
        try await loop.shutdown()
    }

    @Test func `many submissions to a sleeping loop cost one wake-up, and none is lost (S368 B4)`()
        async throws
    {
        try await onThread {
            script_reset()
            var configuration = EventLoop.Configuration.quiet
            configuration.systemCalls = SystemCalls(table: script_sys())
            let loop = try EventLoop(configuration: configuration)
            for round in 1...3 {
                try loop.runReady()
                let before = script_count(SCRIPT_WRITE)
                let ran = Recorder<Int>()
                // Outside of its turns the loop is asleep, and this thread like any other.
                for number in 0..<10_000 { loop.core.post { ran.append(number) } }
                for number in 0..<100 { loop.spawn { ran.append(10_000 + number) } }
                #expect(script_count(SCRIPT_WRITE) - before == 1)
                try loop.runReady(maxJobs: 100_000)
                #expect(ran.elements == Array(0..<10_100))
                #expect(loop.statistics.wakeUps <= UInt64(round))
            }
            try finish(loop)
        }
    }

    @Test func `a storm of eight threads is in order per thread, at a wake-up a turn (S369 B4)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: countingWrites())
        let before = CountedWrites.count.load(ordering: .relaxed)
        let arrived = (0..<8).map { _ in Recorder<Int>() }
        try await onThread {
            try onThreads(8) { number in
                for value in 0..<10_000 { loop.core.post { arrived[number].append(value) } }
            }
        }
        let turns = try await loop.run { loop.statistics.turns }
        for recorder in arrived { #expect(recorder.elements == Array(0..<10_000)) }
        let wakeUps = CountedWrites.count.load(ordering: .relaxed) - before
        #expect(wakeUps <= turns + 1)
        try await loop.shutdown()
    }

    @Test func `tasks that one thread spawns begin in that order (S369)`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let begun = Recorder<Int>()
        for number in 0..<2_000 { loop.spawn { begun.append(number) } }
        try await loop.run {}
        #expect(begun.elements == Array(0..<2_000))
        try await loop.shutdown()
    }

    @Test func `a full wake-up counter does not lose the wake-up (B1)`() async throws {
        try await onThread {
            script_reset()
            var configuration = EventLoop.Configuration.quiet
            configuration.systemCalls = SystemCalls(table: script_sys())
            let loop = try EventLoop(configuration: configuration)
            try loop.runReady()
            var full = UInt64.max - 1
            #expect(write(script_descriptor(SCRIPT_EVENTFD), &full, 8) == 8)
            let ran = Recorder<Int>()
            loop.core.post { ran.append(1) }
            #expect(isReadable(loop.pollableDescriptor))
            try loop.runReady()
            #expect(ran.count == 1)
            // Empty again, and not stuck.
            #expect(!isReadable(loop.pollableDescriptor))
            loop.core.post { ran.append(2) }
            #expect(isReadable(loop.pollableDescriptor))
            try loop.runReady()
            #expect(ran.elements == [1, 2])
            try finish(loop)
        }
    }

    @Test func `tasks, timers and cancellations from many threads: nothing is lost (S373)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        let ended = Recorder<Int>()
        let threads = 4
        let each = 500
        try await onThread {
            try onThreads(threads) { number in
                var random = SplitMix64(seed: number)
                for _ in 0..<each {
                    let delay = Duration.microseconds(random.below(300))
                    let task = loop.spawn {
                        defer { ended.append(number) }
                        try? await sleep(for: delay)
                        try? await sleep(for: .microseconds(1))
                    }
                    if random.below(2) == 0 { task.cancel() }
                }
            }
        }
        try await loop.run { try await until { ended.count == threads * each } }
        let left = try await loop.run { loop.statistics }
        #expect(left.armedTimers == 0)
        #expect(left.liveTasks == 1)
        try await loop.shutdown()
    }

    @Test func `cancelling from eight threads while tasks wake each other: no deadlock (H3 H11)`()
        async throws
    {
        let loop = try EventLoop.start(configuration: .quiet)
        for _ in 0..<20 {
            let semaphore = try AsyncSemaphore(1)
            let tasks = (0..<64).map { _ in
                loop.spawn {
                    while true {
                        try await semaphore.withPermit { try await yield() }
                    }
                }
            }
            try await onThread {
                try onThreads(8) { number in
                    for index in stride(from: number, to: 64, by: 8) { tasks[index].cancel() }
                }
            }
            for result in await gatherResults(tasks) {
                #expect(throws: CancellationError.self) { try result.get() }
            }
        }
        try await loop.shutdown()
    }

    @Test func `a loop is current on its thread only while it runs (S377)`() async throws {
        try await onThread {
            let first = try EventLoop(configuration: .quiet)
            let second = try EventLoop(configuration: .quiet)
            #expect(!first.isCurrent)
            let seen = Recorder<[Bool]>()
            first.spawn { seen.append([first.isCurrent, second.isCurrent]) }
            second.spawn { seen.append([first.isCurrent, second.isCurrent]) }
            try first.runReady()
            #expect(!first.isCurrent)
            try second.runReady()
            #expect(seen.elements == [[true, false], [false, true]])
            #expect(EventLoop.current == nil)
            try finish(first)
            try finish(second)
        }
    }

    @Test func `a thread that got the identity of a loop's thread is not on that loop (S377)`()
        async throws
    {
        var identities: Set<UInt> = []
        for _ in 0..<50 {
            let loop = try EventLoop.start(configuration: .quiet)
            identities.insert(try await loop.run { CurrentThread.identity })
            try await loop.shutdown()
            let (identity, isCurrent) = try await onThread {
                (CurrentThread.identity, loop.isCurrent)
            }
            identities.insert(identity)
            #expect(!isCurrent)
        }
        // The identity did come back: otherwise nothing was tested.
        #expect(identities.count < 100)
    }

    @Test func `a loop at the address of a former one is not current on its thread (S377)`()
        async throws
    {
        try await onThread {
            for _ in 0..<100 {
                try EventLoop.run(configuration: .quiet) {
                    #expect(currentLoop.isCurrent)
                    let other = try EventLoop(configuration: .quiet)
                    #expect(!other.isCurrent)
                }
                let next = try EventLoop(configuration: .quiet)
                #expect(!next.isCurrent)
                #expect(EventLoop.current == nil)
            }
        }
    }
}

/// Counts the system calls that write, of all threads, on loops that were made with its table.
private enum CountedWrites {
    static let count = Atomic<UInt64>(0)

    nonisolated(unsafe) static let table: UnsafePointer<cel_sys> = makeTable()

    private static func makeTable() -> UnsafePointer<cel_sys> {
        let table = UnsafeMutablePointer<cel_sys>.allocate(capacity: 1)
        table.initialize(to: cel_sys_default().pointee)
        table.pointee.write = countedWrite
        return UnsafePointer(table)
    }
}

private func countingWrites() -> EventLoop.Configuration {
    var configuration = EventLoop.Configuration.quiet
    configuration.systemCalls = SystemCalls(table: CountedWrites.table)
    return configuration
}

private func countedWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer, _ length: Int) -> Int {
    CountedWrites.count.add(1, ordering: .relaxed)
    return write(descriptor, bytes, length)
}
