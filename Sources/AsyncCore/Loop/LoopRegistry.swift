// The loops of the process, for those who ask what waits for what.
internal import Synchronization

/// All loops alive. Weakly held; used by diagnosis only.
enum LoopRegistry {
    private struct Entry: Sendable {
        weak var core: LoopCore?
    }

    private static let lock = ThreadLock()
    // SAFETY: guarded by `lock`.
    nonisolated(unsafe) private static var entries: [ObjectIdentifier: Entry] = [:]

    static func add(_ core: LoopCore) {
        lock.withLock { unsafe entries[ObjectIdentifier(core)] = Entry(core: core) }
    }

    static func remove(_ core: LoopCore) {
        let removed = lock.withLock { unsafe entries.removeValue(forKey: ObjectIdentifier(core)) }
        _ = removed
    }

    static var all: [LoopCore] {
        lock.withLock { unsafe entries.values.compactMap(\.core) }
    }
}
