// A mutex that ThreadSanitizer understands.
internal import CEventLoop
internal import Glibc

/// Mutual exclusion between threads, held for a few instructions.
///
/// A pthread mutex, since ThreadSanitizer on Linux does not see `Synchronization.Mutex`. The rule
/// that keeps it free of deadlock: nothing that may call out (resume, cancel, user code, the
/// `deinit` of a user's object) happens while it is held.
@safe
@usableFromInline
package final class ThreadLock: @unchecked Sendable {
    // SAFETY: the mutex is made in init at an address that never changes, used through its own
    // calls, and freed in deinit, when nobody can hold it any more.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    @usableFromInline
    package init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        let result = unsafe pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init failed: \(result)")
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    @inline(__always) @usableFromInline
    package func lock() {
        let result = unsafe pthread_mutex_lock(mutex)
        precondition(result == 0, "pthread_mutex_lock failed: \(result)")
    }

    @inline(__always) @usableFromInline
    package func unlock() {
        let result = unsafe pthread_mutex_unlock(mutex)
        precondition(result == 0, "unlocked by a thread that does not hold the lock: \(result)")
    }

    @inline(__always)
    package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }
}
