import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite(.watched)
struct NotifyTests {
    @Test func `a notification that nobody waits for is remembered, and several are one (S130)`()
        async throws
    {
        try await onLoop {
            let notify = Notify()
            for _ in 0..<3 { notify.notifyOne() }
            #expect(notify.statistics == .init(isNotified: true, waiting: 0))
            try await notify.wait()
            #expect(!notify.tryWait())
            let waiting = spawn { try await notify.wait() }
            try await settle()
            #expect(!waiting.isFinished)
            notify.notifyOne()
            try await waiting.value
            #expect(notify.statistics == .init(isNotified: false, waiting: 0))
        }
    }

    @Test func `notifyOne wakes one at a time, in order`() async throws {
        try await onLoop {
            let notify = Notify()
            let woken = Recorder<Int>()
            let tasks = (0..<3).map { index in
                spawn {
                    try await notify.wait()
                    woken.append(index)
                }
            }
            try await settle()
            notify.notifyOne()
            try await settle()
            #expect(woken.elements == [0])
            notify.notifyOne()
            notify.notifyOne()
            for task in tasks { try await task.value }
            #expect(woken.elements == [0, 1, 2])
        }
    }

    @Test func `notifyAll wakes all who wait, and leaves nothing for later (S131)`() async throws {
        try await onLoop {
            let notify = Notify()
            notify.notifyAll()
            #expect(!notify.tryWait())
            let tasks = (0..<3).map { _ in spawn { try await notify.wait() } }
            try await settle()
            notify.notifyAll()
            let late = spawn { try await notify.wait() }
            for task in tasks { try await task.value }
            try await settle()
            #expect(!late.isFinished)
            notify.notifyOne()
            notify.notifyAll()
            try await late.value
            #expect(notify.statistics == .init(isNotified: false, waiting: 0))
        }
    }

    @Test func `what a task was told and did not live to see goes to the next (S132)`()
        async throws
    {
        try await onLoop {
            let notify = Notify()
            let first = spawn { try await notify.wait() }
            let second = spawn { try await notify.wait() }
            try await settle()
            notify.notifyOne()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            try await second.value
            #expect(!notify.tryWait())
            // With nobody left it is remembered.
            let last = spawn { try await notify.wait() }
            try await settle()
            notify.notifyOne()
            last.cancel()
            _ = await last.result
            #expect(notify.tryWait())
            // What all were told is nobody's to pass on.
            let all = spawn { try await notify.wait() }
            try await settle()
            notify.notifyAll()
            all.cancel()
            try await all.value
            #expect(!notify.tryWait())
        }
    }

    @Test func `a notification between the reservation and the wait is not missed (S134)`()
        async throws
    {
        try await onLoop {
            let notify = Notify()
            for isForAll in [false, true] {
                let reservation = notify.reserve()
                #expect(notify.statistics.waiting == 1)
                if isForAll { notify.notifyAll() } else { notify.notifyOne() }
                #expect(notify.statistics == .init(isNotified: false, waiting: 0))
                let other = spawn {}
                try await reservation.wait()
                _ = await other.result
            }
            // One that came before the reservation is used up by it.
            notify.notifyOne()
            let reservation = notify.reserve()
            #expect(notify.statistics == .init(isNotified: false, waiting: 0))
            try await reservation.wait()
            #expect(!notify.tryWait())
        }
    }

    @Test func `a reservation stands in line with those who wait (S134)`() async throws {
        try await onLoop {
            let notify = Notify()
            let reservation = notify.reserve()
            let waiting = spawn { try await notify.wait() }
            try await settle()
            notify.notifyOne()
            try await settle()
            #expect(!waiting.isFinished)
            try await reservation.wait()
            notify.notifyOne()
            try await waiting.value
        }
    }

    @Test func `a reservation that goes unused passes on what it was told (S132, S135)`()
        async throws
    {
        try await onLoop {
            let notify = Notify()
            let waiting: TaskHandle<Void, any Error>
            do {
                let reservation = notify.reserve()
                waiting = spawn { try await notify.wait() }
                try await settle()
                notify.notifyOne()
                try await settle()
                #expect(!waiting.isFinished)
                withExtendedLifetime(reservation) {}
            }
            try await waiting.value
            _ = notify.reserve()
            #expect(notify.statistics == .init(isNotified: false, waiting: 0))
            do {
                let reservation = notify.reserve()
                notify.notifyAll()
                withExtendedLifetime(reservation) {}
            }
            #expect(!notify.tryWait())
        }
    }

    @Test func `a wait with a reservation is cancelled like any other (S132)`() async throws {
        try await onLoop {
            let notify = Notify()
            for isNotified in [false, true] {
                let task = spawn {
                    let reservation = notify.reserve()
                    try await reservation.wait()
                }
                try await settle()
                if isNotified { notify.notifyOne() }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(notify.tryWait() == isNotified)
                #expect(notify.statistics.waiting == 0)
            }
        }
    }

    @Test func `a reservation may be waited for with other waits in between (S134)`() async throws {
        try await onLoop {
            // The main body has a standing waiter, which those other waits use.
            let notify = Notify()
            let reservation = notify.reserve()
            let semaphore = try AsyncSemaphore(0)
            spawn {
                notify.notifyOne()
                try semaphore.release()
            }
            try await semaphore.acquire()
            try await reservation.wait()
        }
    }

    @Test func `a wake whose side effect notifies again does no harm (S135)`() async throws {
        final class Guarded: Sendable {
            let notify: Notify
            init(_ notify: Notify) { self.notify = notify }
            deinit { notify.notifyOne() }
        }
        try await onLoop {
            let notify = Notify()
            let first = spawn {
                let guarded = Guarded(notify)
                try await withTaskCancellationHandler {
                    try await notify.wait()
                } onCancel: {
                    notify.notifyOne()
                }
                withExtendedLifetime(guarded) {}
            }
            let others = (0..<2).map { _ in spawn { try await notify.wait() } }
            try await settle()
            first.cancel()
            _ = await first.result
            for task in others { try await task.value }
        }
    }

    @Test func `looks and notifications race across threads: no change is missed (S134)`()
        async throws
    {
        let notify = Notify()
        let turn = Recorder<Int>()
        try await withLoops(2) { loops in
            let waiting = loops[0].spawn {
                for round in 1...400 {
                    while true {
                        let reservation = notify.reserve()
                        if turn.count >= round { break }
                        try await reservation.wait()
                    }
                }
            }
            let changing = loops[1].spawn {
                for round in 1...400 {
                    turn.append(round)
                    notify.notifyAll()
                    if round % 16 == 0 { try await yield() }
                }
            }
            try await changing.value
            try await waiting.value
        }
        #expect(notify.statistics.waiting == 0)
    }
}
