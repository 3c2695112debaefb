import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Blocking work that calls back into its caller's loop: S402, S403.
@Suite(.watched)
struct BlockingContextTests {
    @Test func `work calls back into the loop (S402)`() async throws {
        try await onLoop {
            let loop = EventLoop.current!
            let steps = Recorder<Int>()
            try await blocking { context in
                #expect(context.loop === loop)
                let value = try context.run {
                    #expect(loop.isCurrent)
                    try await settle(3)
                    steps.append(1)
                    return 2
                }
                steps.append(value)
                #expect(throws: Failure(number: 3)) { try context.run { throw Failure(number: 3) } }
            }
            #expect(steps.elements == [1, 2])
        }
    }

    @Test func `what work called on the loop is cancelled with the caller (S402)`() async throws {
        try await onLoop {
            let calling = Recorder<Int>()
            let work = spawn {
                try await blocking { context in
                    #expect(throws: CancellationError.self) {
                        try context.run {
                            calling.append(1)
                            try await sleep(for: .hour)
                        }
                    }
                    // The wish stays.
                    #expect(throws: CancellationError.self) {
                        try context.run { calling.append(2) }
                    }
                    try context.checkCancelled()
                }
            }
            try await until { calling.count == 1 }
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(calling.elements == [1])
        }
    }

    @Test func `abandoned work cannot call back into the loop any more (S402)`() async throws {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            let (running, gate) = (ThreadGate(), ThreadGate())
            let errors = Recorder<String>()
            let work = spawn {
                try await blocking(on: pool, abandonOnCancel: true) { context in
                    running.open()
                    gate.wait()
                    do { try context.run {} } catch { errors.append("\(type(of: error))") }
                }
            }
            try await blocking { running.wait() }
            work.cancel()
            _ = await work.result
            gate.open()
            try await pool.shutdown()
            #expect(errors.elements == ["CancellationError"])
        }
    }

    @Test func `a context is of no use after its work`() async throws {
        try await onLoop {
            let context = try await blocking { context in context }
            let error = try await onThread { () -> BlockingError? in
                do { try context.run {} } catch { return error as? BlockingError }
                return nil
            }
            #expect(error == .ended)
        }
    }

    @Test func `calls back that use threads again do not deadlock, be there but one (S403)`()
        async throws
    {
        try await onLoop {
            let pool = BlockingPool(threads: 1)
            @Sendable func descend(_ depth: Int) async throws -> Int {
                try await blocking(on: pool) { context in
                    depth == 0 ? 0 : try context.run { try await descend(depth - 1) } + 1
                }
            }
            #expect(try await descend(6) == 6)
            let sums = try await gather((0..<4).map { _ in spawn { try await descend(3) } })
            #expect(sums == [3, 3, 3, 3])
            try await pool.shutdown()
            #expect(pool.statistics.running == 0)
            #expect(pool.statistics.ended == 7 + 16)
        }
    }
}
