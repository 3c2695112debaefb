// A flag that a lock guards: no need for Swift to check each access again.

/// A flag that can be set, once.
///
/// Belongs to a lock, which its owner holds around each use.
@safe
@usableFromInline
final class GuardedFlag: @unchecked Sendable {
    // SAFETY: guarded by the lock that it belongs to; accesses call nothing.
    @exclusivity(unchecked) @usableFromInline var value = false

    @inlinable
    var isSet: Bool { unsafe value }

    @usableFromInline
    init() {}

    /// Sets the flag; false if it was set before.
    func set() -> Bool {
        if unsafe value { return false }
        unsafe value = true
        return true
    }
}
