import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// S27, S126 and S128. S129 (the waiter moves to another task) does not apply: a future has any
/// number of readers, and all of them are woken.
@Suite(.watched)
struct PromiseTests {
    private struct Failure: Error {}

    @Test func `all readers get the one value, each time they ask (S27, S128)`() async throws {
        try await onLoop {
            let promise = Promise<Int>()
            let future = promise.future
            let tasks = (0..<3).map { _ in spawn { try await future.value } }
            try await settle()
            #expect(future.result == nil)
            #expect(promise.statistics == .init(isSet: false, waiting: 3, futures: 1))
            try promise.succeed(5)
            #expect(try await gather(tasks) == [5, 5, 5])
            for _ in 0..<2 { #expect(try await future.value == 5) }
            #expect(try await promise.future.value == 5)
            #expect(try future.result?.get() == 5)
        }
    }

    @Test func `a result is set once (S27)`() async throws {
        try await onLoop {
            let promise = Promise<Int>()
            try promise.succeed(1)
            #expect(throws: PromiseError.alreadySet) { try promise.succeed(2) }
            #expect(throws: PromiseError.alreadySet) { try promise.fail(Failure()) }
            #expect(try await promise.future.value == 1)
            let failed = Promise<Int>()
            try failed.fail(Failure())
            #expect(throws: PromiseError.alreadySet) { try failed.succeed(2) }
            await #expect(throws: Failure.self) { try await failed.future.value }
        }
        #expect("\(PromiseError.alreadySet)".contains("already"))
        #expect("\(PromiseError.dropped)".contains("dropped"))
    }

    @Test func `a promise that goes fails its readers, unless it was kept (S126)`() async throws {
        try await onLoop {
            var promise: Promise<Int>? = Promise<Int>()
            let future = try #require(promise).future
            let reader = spawn { try await future.value }
            try await settle()
            promise = nil
            await #expect(throws: PromiseError.dropped) { try await reader.value }
            await #expect(throws: PromiseError.dropped) { try await future.value }
            promise = Promise<Int>()
            let kept = try #require(promise).future
            try promise?.succeed(3)
            promise = nil
            #expect(try await kept.value == 3)
        }
    }

    @Test func `the promise learns that its last reader is gone (S126)`() async throws {
        try await onLoop {
            let promise = Promise<Int>()
            #expect(!promise.isAbandoned)
            let waiting = spawn { try await promise.waitUntilAbandoned() }
            do {
                let first = promise.future
                let copy = first
                let second = promise.future
                #expect(promise.statistics.futures == 2)
                try await settle()
                #expect(!waiting.isFinished)
                withExtendedLifetime((first, copy, second)) {}
            }
            try await waiting.value
            #expect(promise.isAbandoned)
            try await promise.waitUntilAbandoned()
            // The value stays with the one who has it; a reader may come again.
            let again = promise.future
            #expect(!promise.isAbandoned)
            try promise.succeed(1)
            #expect(try await again.value == 1)
        }
    }

    @Test func `a wait for the last reader's end can be cancelled`() async throws {
        try await onLoop {
            let promise = Promise<Int>()
            let future = promise.future
            let waiting = spawn { try await promise.waitUntilAbandoned() }
            try await settle()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            withExtendedLifetime(future) {}
        }
    }

    @Test func `kept and dropped from other threads, a promise has one result (S27, S126)`()
        async throws
    {
        try await withLoops(2) { loops in
            for round in 0..<100 {
                let promise = Recorder<Promise<Int>>()
                promise.append(Promise())
                let future = promise.elements[0].future
                let readers = loops.map { loop in loop.spawn { try await future.value } }
                let keeping = loops[round % 2].spawn {
                    try? promise.removeFirst()?.succeed(round)
                }
                _ = promise.removeFirst()
                _ = await keeping.result
                let results = await gatherResults(readers).map { try? $0.get() }
                #expect(results[0] == results[1])
                #expect(results[0] == nil || results[0] == round)
            }
        }
    }
}
