import AsyncCoreTestSupport
import Synchronization
import Testing

@testable import AsyncCore

@Suite(.watched)
struct FastWordTests {
    /// A word of a class, so that threads can share it.
    private final class Shared: Sendable {
        let word: FastWord
        let lock = ThreadLock()

        init(_ value: UInt) { word = FastWord(value) }
    }

    @Test func `an open word changes, and a shut one only by its holder`() {
        let word = FastWord(5)
        #expect(word.value == 5)
        let hasChanged = word.tryChange { $0 + 1 }
        #expect(hasChanged)
        let isRefused = !word.tryChange { _ in nil }
        #expect(isRefused)
        let seen = word.shut()
        #expect(seen == 6)
        #expect(word.value == 6)
        let isShut = !word.tryChange { $0 + 1 }
        #expect(isShut)
        word.put(9, staysShut: true)
        let staysShut = !word.tryChange { $0 + 1 }
        #expect(staysShut)
        let again = word.shut()
        #expect(again == 9)
        word.put(UInt(Int.max), staysShut: false)
        #expect(word.value == UInt(Int.max))
        let isOpen = word.tryChange { $0 - 1 }
        #expect(isOpen)
    }

    @Test func `two threads change it, with the lock and without: no change is lost`()
        async throws
    {
        let shared = Shared(0)
        let rounds: UInt = 20_000
        try await onThread {
            try onThreads(3) { number in
                for _ in 0..<rounds {
                    if number < 2, shared.word.tryChange({ $0 + 1 }) { continue }
                    shared.lock.withLock {
                        let value = shared.word.shut()
                        shared.word.put(value + 1, staysShut: false)
                    }
                }
            }
        }
        #expect(shared.word.value == 3 * rounds)
    }

    @Test func `a permit is never missed because another thread decides just now`() async throws {
        let semaphore = try AsyncSemaphore(2)
        let missed = Atomic<Int>(0)
        try await onThread {
            try onThreads(2) { number in
                for _ in 0..<20_000 {
                    if number == 0 {
                        // Has to look under the lock, and gets nothing.
                        _ = semaphore.tryAcquire(3)
                    } else if semaphore.tryAcquire() {
                        try? semaphore.release()
                    } else {
                        missed.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        #expect(missed.load(ordering: .relaxed) == 0)
        #expect(semaphore.statistics.available == 2)
    }

    @Test func `a release is never refused because another thread decides just now`() async throws {
        let semaphore = try AsyncSemaphore(2, maximum: 4)
        let failures = Atomic<Int>(0)
        try await onThread {
            try onThreads(2) { number in
                for _ in 0..<20_000 {
                    // Each holds one permit, gives it back, and takes it again.
                    do {
                        try semaphore.release()
                        if number == 0 { _ = semaphore.tryAcquire(5) }
                        while !semaphore.tryAcquire() {}
                    } catch {
                        failures.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(semaphore.statistics.available == 2)
    }
}
