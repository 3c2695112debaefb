import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// What a task scope throws: S231, S235-S237, S239, S245.
@Suite(.watched)
struct TaskScopeErrorTests {
    private func numbers(_ error: (any Error)?) -> [Int]? {
        (error as? TaskScopeError)?.errors.map { ($0 as? Failure)?.number ?? -1 }
    }

    @Test func `several errors are thrown together, in the order in which they came (S231)`()
        async throws
    {
        try await onFakeClock {
            let error = await #expect(throws: TaskScopeError.self) {
                try await withTaskScope { scope in
                    for number in [3, 1, 2] {
                        scope.spawn {
                            try? await sleep(for: .hour)
                            throw Failure(number: number)
                        }
                    }
                    try await settle()
                    throw Failure(number: 0)
                }
            }
            #expect(numbers(error)?.first == 0)
            #expect(numbers(error)?.sorted() == [0, 1, 2, 3])
            #expect(error.map { "\($0)".hasPrefix("4 tasks of a scope failed: Failure") } == true)
        }
    }

    @Test func `one error is thrown as it is, also if it comes twice by way of its handle`()
        async throws
    {
        try await onFakeClock {
            await #expect(throws: Failure(number: 5)) {
                try await withTaskScope { scope in
                    let failing = scope.spawn { () async throws -> Int in throw Failure(number: 5) }
                    scope.spawn { _ = try await failing.value }
                    _ = try await failing.value
                }
            }
            // Two that are equal are two.
            let error = await #expect(throws: TaskScopeError.self) {
                try await withTaskScope { scope in
                    for _ in 0..<2 {
                        scope.spawn {
                            try? await sleep(for: .hour)
                            throw Failure(number: 6)
                        }
                    }
                    try await settle()
                    scope.cancel()
                }
            }
            #expect(numbers(error) == [6, 6])
        }
    }

    @Test func `an error of a child that nobody awaits is thrown once, and not reported (S200)`()
        async throws
    {
        // The configuration records an issue for each error that nobody looked at.
        try await onLoop {
            await #expect(throws: Failure(number: 1)) {
                try await withTaskScope { scope in
                    scope.spawn { throw Failure(number: 1) }
                }
            }
            try await settle()
        }
    }

    @Test func `an error while the caller's cancellation ends the scope is reported (S235, S236)`()
        async throws
    {
        try await onFakeClock {
            let byChild = spawn {
                try await withTaskScope { scope in
                    scope.spawn {
                        do { try await sleep(for: .hour) } catch { throw Failure(number: 1) }
                    }
                    try await sleep(for: .hour)
                }
            }
            let byBody = spawn {
                try await withTaskScope { scope in
                    scope.spawn { try await sleep(for: .hour) }
                    do { try await sleep(for: .hour) } catch { throw Failure(number: 2) }
                }
            }
            try await settle()
            byChild.cancel()
            byBody.cancel()
            await #expect(throws: Failure(number: 1)) { try await byChild.value }
            await #expect(throws: Failure(number: 2)) { try await byBody.value }
        }
    }

    @Test func `the outside cancellation is not lost when the scope ends in an error (S237)`()
        async throws
    {
        try await onFakeClock {
            let steps = Recorder<String>()
            let caller = spawn {
                do {
                    try await withTaskScope { scope in
                        scope.spawn {
                            do { try await sleep(for: .hour) } catch { throw Failure(number: 1) }
                        }
                    }
                } catch {
                    steps.append("\(error)")
                }
                try await yield()
                steps.append("not reached")
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(steps.elements == ["Failure(number: 1)"])
        }
    }

    @Test func `inner and outer scopes that fail in one turn report each its own (S239)`()
        async throws
    {
        try await onFakeClock {
            let inner = Recorder<String>()
            let error = await #expect(throws: TaskScopeError.self) {
                try await withTaskScope { outer in
                    outer.spawn {
                        try await sleep(for: .seconds(1))
                        throw Failure(number: 1)
                    }
                    do {
                        try await withTaskScope { scope in
                            scope.spawn {
                                try await sleep(for: .seconds(1))
                                throw Failure(number: 2)
                            }
                            try await sleep(for: .hour)
                        }
                    } catch {
                        inner.append("\(error)")
                        throw error
                    }
                }
            }
            #expect(numbers(error) == [1, 2])
            #expect(inner.elements == ["Failure(number: 2)"])
        }
    }

    @Test func `a scope in a scope is one task of it: its errors stay together`() async throws {
        try await onFakeClock {
            let error = await #expect(throws: TaskScopeError.self) {
                try await withTaskScope { outer in
                    outer.spawn {
                        try await withTaskScope { inner in
                            for number in 1...2 {
                                inner.spawn {
                                    try? await sleep(for: .hour)
                                    throw Failure(number: number)
                                }
                            }
                            try await settle()
                            inner.cancel()
                        }
                    }
                    try? await sleep(for: .hour)
                    throw Failure(number: 3)
                }
            }
            #expect(error?.errors.count == 2)
            #expect(numbers(error?.errors.first) == [1, 2])
        }
    }

    @Test func `no timeout in place of an error, nor of a cancellation from outside (S292, S297)`()
        async throws
    {
        try await onFakeClock {
            let caller = spawn {
                try await withTaskScope(timeout: .seconds(1)) { scope in
                    scope.spawn {
                        do { try await sleep(for: .hour) } catch {
                            await withShield { try? await sleep(for: .seconds(3)) }
                            throw error
                        }
                    }
                }
            }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(fakeNow() == 3)
        }
    }
}
