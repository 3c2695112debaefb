// Numbers of tasks that the runtime did not make anew.
internal import Synchronization

/// Numbers that no task has: the runtime counts from 1.
enum TaskNumbers {
    /// From here on: the runtime does not get so far.
    static let first: UInt64 = 1_000_000_000_000

    private static let last = Atomic<UInt64>(first)

    static func next() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
