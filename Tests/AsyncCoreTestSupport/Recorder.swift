import AsyncCore

/// What the tasks of a test did, in order. Any thread.
public final class Recorder<Element: Sendable>: @unchecked Sendable {
    // SAFETY: `recorded` is guarded by `lock`.
    private let lock = ThreadLock()
    private var recorded: [Element] = []

    public init() {}

    public func append(_ element: Element) { lock.withLock { recorded.append(element) } }

    public var elements: [Element] { lock.withLock { recorded } }

    /// Takes the first out again; nil if there is none.
    public func removeFirst() -> Element? {
        lock.withLock { recorded.isEmpty ? nil : recorded.removeFirst() }
    }

    public var count: Int { lock.withLock { recorded.count } }
}

/// Lets others run until the condition holds. For what other threads do; a hang is the watchdog's.
public func until(_ condition: () -> Bool) async throws {
    while !condition() { try await yield() }
}

extension Duration {
    /// For waits that are cancelled, and never end by themselves.
    public static var hour: Self { .seconds(3600) }
}
