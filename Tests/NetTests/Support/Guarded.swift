@testable import AsyncCore

/// A value that several threads share, behind a lock that ThreadSanitizer understands.
final class Guarded<Value>: @unchecked Sendable {
    // SAFETY: `value` is guarded by `lock`.
    private let lock = ThreadLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
}
