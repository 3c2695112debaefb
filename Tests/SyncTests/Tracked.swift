import Synchronization

/// How many values of a test are alive.
final class LiveCount: Sendable {
    private let alive = Atomic<Int>(0)

    var value: Int { alive.load(ordering: .acquiring) }

    fileprivate func change(by difference: Int) {
        alive.add(difference, ordering: .acquiringAndReleasing)
    }
}

/// An element whose end can be seen, and that may do something at its end.
final class Tracked: Sendable {
    let number: Int
    private let count: LiveCount
    private let atEnd: (@Sendable () -> Void)?

    init(_ number: Int = 0, _ count: LiveCount, atEnd: (@Sendable () -> Void)? = nil) {
        self.number = number
        self.count = count
        self.atEnd = atEnd
        count.change(by: 1)
    }

    deinit {
        count.change(by: -1)
        atEnd?()
    }
}
