import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// A task goes on where it was, whichever way it suspended.
@Suite(.watched)
struct ParkingTests {
    private actor Ordinary {
        func wait(_ semaphore: AsyncSemaphore) async throws -> Bool {
            try await semaphore.acquire()
            assertIsolated()
            return EventLoop.current != nil
        }
    }

    /// Two waits, the second in a task that its first has resumed.
    private static func waitTwice(_ semaphore: AsyncSemaphore) async throws -> [Bool] {
        let loop = EventLoop.current
        var seen: [Bool] = []
        for _ in 0..<2 {
            try await semaphore.acquire()
            seen.append(EventLoop.current === loop)
        }
        return seen
    }

    @Test func `tasks of every kind go on on their loop`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let ordinary = Ordinary()
            let spawned = spawn { try await Self.waitTwice(semaphore) }
            let unknown = startUnknownTask { try await Self.waitTwice(semaphore) }
            async let child = Self.waitTwice(semaphore)
            async let inActor = ordinary.wait(semaphore)
            let inGroup = startUnknownTask {
                try await withThrowingTaskGroup { group in
                    for _ in 0..<3 { group.addTask { try await Self.waitTwice(semaphore) } }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
            }
            while semaphore.statistics.waiting < 7 { try await yield() }
            try semaphore.release(13)
            #expect(try await spawned.value == [true, true])
            #expect(try await unknown.value == [true, true])
            #expect(try await child == [true, true])
            #expect(try await inActor)
            #expect(try await inGroup.value == Array(repeating: true, count: 6))
        }
    }

    @Test func `a task that another one's job runs goes on where it wants to`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let loop = currentLoop
            // Without a preference it is on the loop's thread only until it first suspends.
            let guest = Task.immediate {
                let before = EventLoop.current
                try await semaphore.acquire()
                return before === loop && EventLoop.current == nil
            }
            let resident = Task.immediate(executorPreference: loop.taskExecutor) {
                try await Self.waitTwice(semaphore)
            }
            // The one whose job it was can park after that.
            while semaphore.statistics.waiting < 2 { try await yield() }
            try semaphore.release(3)
            #expect(try await guest.value)
            #expect(try await resident.value == [true, true])
            #expect(loop.isCurrent)
        }
    }

    @Test func `a task that a call from outside runs is not taken for the last job's`() async throws
    {
        try await onLoop {
            let loop = currentLoop
            let semaphore = try AsyncSemaphore(0)
            let guests = Recorder<Task<Bool, any Error>>()
            for number in 1...100 {
                // Its memory is free when the call comes, and may become the guest's.
                startUnknownTask {
                    loop.core.post {
                        guests.append(
                            Task.immediate {
                                try await semaphore.acquire()
                                return EventLoop.current == nil
                            })
                    }
                }
                while semaphore.statistics.waiting < number { try await yield() }
            }
            try semaphore.release(100)
            for guest in guests.elements { #expect(try await guest.value) }
        }
    }

    @Test func `a preference for another loop holds for its scope`() async throws {
        let other = try EventLoop.start(name: "other")
        try await onLoop {
            let loop = currentLoop
            for _ in 0..<20 {
                try await sleep(for: .zero)
                try await yield()
                try await withTaskExecutorPreference(other.taskExecutor) {
                    #expect(other.isCurrent)
                    try await sleep(for: .microseconds(1))
                    #expect(other.isCurrent)
                    try await yield()
                    #expect(other.isCurrent)
                }
                #expect(loop.isCurrent)
                try await yield()
                #expect(loop.isCurrent)
            }
        }
        try await other.shutdown()
    }

    @Test func `tasks that wait for each other after their loop's end are not lost`() async throws {
        let loop = try EventLoop.start(configuration: .quiet)
        let executor = loop.taskExecutor
        try await loop.shutdown()
        let semaphore = try AsyncSemaphore(0)
        let waiting = Task(executorPreference: executor) { try await Self.waitTwice(semaphore) }
        let releasing = Task(executorPreference: executor) {
            for _ in 0..<2 {
                while semaphore.statistics.waiting == 0 { await Task.yield() }
                try semaphore.release()
            }
        }
        try await releasing.value
        #expect(try await waiting.value == [true, true])
    }

    @Test func `a waiting task's priority can be raised`() async throws {
        try await onLoop {
            let semaphore = try AsyncSemaphore(0)
            let task = Task(executorPreference: currentLoop.taskExecutor, priority: .background) {
                try await semaphore.acquire()
                return Task.currentPriority
            }
            while semaphore.statistics.waiting < 1 { try await yield() }
            task.escalatePriority(to: .high)
            try semaphore.release()
            #expect(try await task.value == .high)
        }
    }

    /// State whose every access the runtime checks.
    private final class Shared: @unchecked Sendable {
        var number = 0
        var other = 0
    }

    /// Holds what `number` is part of for the length of a wait.
    private static func add(
        _ amount: Int, to number: inout Int, after semaphore: AsyncSemaphore
    ) async throws {
        try await semaphore.acquire()
        number += amount
    }

    @Test(arguments: [[0, 1], [1, 0]])
    func `an access that lasts for a wait is the waiting task's alone`(order: [Int]) async throws {
        try await onLoop {
            let shared = Shared()
            let semaphores = [try AsyncSemaphore(0), try AsyncSemaphore(0)]
            let first = spawn { try await Self.add(1, to: &shared.number, after: semaphores[0]) }
            let second = spawn { try await Self.add(2, to: &shared.other, after: semaphores[1]) }
            while semaphores.contains(where: { $0.statistics.waiting == 0 }) { try await yield() }
            // Were they the thread's, these would be overlapping accesses, which trap.
            for _ in 0..<3 {
                shared.number = 10
                shared.other = 20
                try await sleep(for: .zero)
            }
            for index in order {
                try semaphores[index].release()
                for _ in 0..<3 { try await yield() }
            }
            _ = try await gather(first, second)
            #expect(shared.number == 11)
            #expect(shared.other == 22)
            // And they are over with their functions.
            shared.number = 0
            shared.other = 0
        }
    }

    @Test func `whoever has run a loop is in no task afterwards`() async throws {
        try await onThread {
            try EventLoop.run(configuration: .quiet) {
                let semaphore = try AsyncSemaphore(0)
                let waiting = spawn { try await semaphore.acquire() }
                while semaphore.statistics.waiting == 0 { try await yield() }
                try semaphore.release()
                try await waiting.value
            }
            #expect(TaskIdentity.current == nil)

            let loop = try EventLoop(configuration: .quiet)
            let semaphore = try AsyncSemaphore(0)
            let waiting = loop.spawn { try await semaphore.acquire() }
            while semaphore.statistics.waiting == 0 { try loop.runReady() }
            #expect(TaskIdentity.current == nil)
            try semaphore.release()
            while waiting.isFinished == false { try loop.runReady() }
            #expect(TaskIdentity.current == nil)
            loop.stop()
            while !loop.isStopped { try loop.runReady() }
            #expect(TaskIdentity.current == nil)
        }
    }

    @Test func `what is spawned between jobs has no parent`() async throws {
        try await onLoop {
            let loop = currentLoop
            let semaphore = try AsyncSemaphore(0)
            loop.core.post { _ = loop.spawn(name: "orphan") { try await semaphore.acquire() } }
            while semaphore.statistics.waiting < 1 { try await yield() }
            let orphan = loop.core.snapshot().tasks.first { $0.name == "orphan" }
            #expect(orphan != nil)
            #expect(orphan?.parent == nil)
            try semaphore.release()
        }
    }
}
