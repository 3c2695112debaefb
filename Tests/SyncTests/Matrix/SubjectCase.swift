import Testing

/// Makes subjects of one primitive: an argument of the tests that all primitives share.
struct SubjectCase: CustomTestStringConvertible, Sendable {
    let name: String
    /// For as many tasks as will wait at once.
    let make: @Sendable (_ waiters: Int) throws -> Subject

    var testDescription: String { name }

    init(_ name: String, _ make: @escaping @Sendable (_ waiters: Int) throws -> Subject) {
        self.name = name
        self.make = make
    }

    static let all: [SubjectCase] = [
        semaphore, semaphoreOfMany, limiter, limiterByObject, lock, mutex, readers, writer,
        condition, event, notify, notifyAll, reservation, onceTurn, onceValue, promise,
    ]

    /// With the barrier as well, which needs all who came: one who leaves is missing.
    static let allAndBarrier = all + [barrier]

    /// Those which can be entered again and again, and need no hand-over but that of the last one.
    static let permits = [
        semaphore, semaphoreOfMany, limiter, limiterByObject, lock, mutex, readers, writer,
        onceTurn,
    ]
}
