import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Runs what it is given at once, where it is: against the rules, and done all the same.
private final class SpotExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        unsafe UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
    }
}

/// Code of others that runs while a loop tells what the kernel has reported.
@Suite(.watched)
struct SpotExecutorTests {
    /// A task that reads from one of two streams, then closes both; nobody else has them.
    private static func makeGuest() async throws -> (
        nears: [TCPStream], guest: Task<[UInt8]?, any Error>
    ) {
        let first = try await makePair()
        let second = try await makePair()
        let guest = Task.immediate(executorPreference: SpotExecutor()) {
            [far = first.far, other = second.far] in
            let received = try await far.read(upTo: 9)
            #expect(EventLoop.current != nil)
            await other.close()
            await far.close()
            return received
        }
        return ([first.near, second.near], guest)
    }

    /// Both events come with one report of the kernel. To be run against optimised code with
    /// AddressSanitizer, too: without optimisation whoever is told holds itself.
    @Test(arguments: [true, false])
    func `it may close, and be the last who held, what is told now and what is told next`(
        readerFirst: Bool
    ) async throws {
        try await onLoop {
            for _ in 0..<20 {
                let (nears, guest) = try await Self.makeGuest()
                try await settle()
                for near in readerFirst ? nears : nears.reversed() { try await near.write("hello") }
                try await settle()
                #expect(try await guest.value == Array("hello".utf8))
                for near in nears { await near.close() }
            }
        }
    }

    @Test func `a reader whose event comes after is told of the close`() async throws {
        try await onLoop {
            let (near, far) = try await makePair()
            let (otherNear, otherFar) = try await makePair()
            let guest = Task.immediate(executorPreference: SpotExecutor()) {
                _ = try await far.read(upTo: 9)
                await otherFar.close()
                await far.close()
            }
            let reader = startUnknownTask { try await otherFar.read(upTo: 9) }
            try await settle()
            try await near.write("hello")
            try await otherNear.write("hello")
            try await settle()
            try await guest.value
            await #expect(throws: IOError.self) { try await reader.value }
            await near.close()
            await otherNear.close()
        }
    }

    /// Tasks that wait, and end, each when the loop stops, what others wait for.
    ///
    /// None is cancelled: the runtime calls handlers of cancellations with a lock held, and does not stand a task
    /// that goes on there.
    @Test func `a stop reaches all, whoever runs on the spot when it is told`() async throws {
        let guests = try await onLoop {
            var guests: [Task<Void, any Error>] = []
            for _ in 0..<4 {
                let (near, far) = try await makePair()
                guests += [
                    Task.immediate(executorPreference: SpotExecutor()) {
                        defer { withExtendedLifetime(near) {} }
                        do {
                            _ = try await far.read(upTo: 9)
                        } catch {
                            await far.close()
                            await near.close()
                            throw error
                        }
                    },
                    Task.immediate(executorPreference: SpotExecutor()) {
                        try await sleep(for: .hour)
                    },
                ]
            }
            try await settle()
            return guests
        }
        for guest in guests {
            let result = await guest.result
            #expect(throws: (any Error).self) { try result.get() }
        }
    }
}
