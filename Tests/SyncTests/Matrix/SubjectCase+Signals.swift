import AsyncCoreTestSupport

@testable import AsyncCore

extension SubjectCase {
    static let event = SubjectCase("event") { _ in
        let event = AsyncEvent()
        return Subject(
            kind: .value,
            enter: { inside in
                try await event.wait()
                try await inside()
            },
            handOver: { event.set() },
            tryEnter: { event.isSet },
            waiting: { event.statistics.waiting },
            isFree: { event.statistics == .init(isSet: true, waiting: 0) },
            open: { event.set() })
    }

    static let notify = SubjectCase("notify, one after the other") { _ in
        let notify = Notify()
        return subject(of: notify) { try await notify.wait() }
    }

    static let reservation = SubjectCase("notify, with a reservation") { _ in
        let notify = Notify()
        return subject(of: notify) { try await notify.reserve().wait() }
    }

    /// One who was notified notifies the next.
    private static func subject(
        of notify: Notify, wait: @escaping @Sendable () async throws -> Void
    ) -> Subject {
        let next: @Sendable () -> Void = { if notify.statistics.waiting > 0 { notify.notifyOne() } }
        return Subject(
            kind: .permit,
            enter: { inside in
                try await wait()
                defer { next() }
                try await inside()
            },
            handOver: { next() },
            tryEnter: { notify.tryWait() },
            waiting: { notify.statistics.waiting },
            // With nobody left to take it, the notification is remembered.
            isFree: { (notify.tryWait() || true) && notify.statistics.waiting == 0 },
            open: { notify.notifyOne() })
    }

    static let notifyAll = SubjectCase("notify, all at once") { _ in
        let notify = Notify()
        return Subject(
            kind: .value,
            enter: { inside in
                try await notify.wait()
                try await inside()
            },
            handOver: { notify.notifyAll() },
            tryEnter: { notify.tryWait() },
            waiting: { notify.statistics.waiting },
            isFree: { notify.statistics == .init(isNotified: false, waiting: 0) },
            open: nil)
    }

    static let barrier = SubjectCase("barrier") { waiters in
        let barrier = try AsyncBarrier(parties: waiters + 1)
        return Subject(
            kind: .value,
            enter: { inside in
                try await barrier.wait()
                try await inside()
            },
            handOver: { _ = try? barrier.tryWait() },
            tryEnter: { try barrier.tryWait() != nil },
            waiting: { barrier.statistics.waiting },
            isFree: { barrier.statistics.waiting == 0 },
            open: nil,
            close: {
                barrier.abort()
                return BarrierError.aborted
            })
    }
}
