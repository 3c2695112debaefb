import AsyncCore

/// Holds threads until another one opens it; it stays open. For threads that may block: not for loops.
public final class ThreadGate: @unchecked Sendable {
    // `isOpen` is guarded by `condition`'s lock.
    private let condition = ThreadCondition()
    private var isOpen = false

    public init() {}

    public func open() {
        condition.withLock { isOpen = true }
        condition.signal()
    }

    public func wait() {
        condition.lock()
        defer { condition.unlock() }
        while !isOpen { condition.wait() }
    }
}

/// Runs `body` on `count` threads at once, with the number of each, and waits for all.
///
/// Blocks the calling thread. The threads begin together, as nearly as threads can.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let start = ThreadGate()
    let ends = (0..<count).map { _ in ThreadGate() }
    for number in 0..<count {
        try CurrentThread.start(name: "test \(number)") {
            start.wait()
            body(number)
            ends[number].open()
        }
    }
    start.open()
    for end in ends { end.wait() }
}
