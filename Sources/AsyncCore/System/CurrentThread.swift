// Which thread this is, and which loop runs on it.
internal import CEventLoop
internal import Glibc

/// Facts about the calling thread.
package enum CurrentThread {
    // SAFETY: the thread-local pointer is set by `install` and put back by `restore`, in pairs, to an
    // object that the caller of `install` keeps alive in between. Pointers to local values are passed
    // to pthread calls that do not keep them.

    /// Unique among the threads alive, and never 0; one instruction to read.
    static var identity: UInt { @inline(__always) get { cel_thread_self() } }

    /// Whether this is the thread that the process started with.
    static var isMain: Bool { cel_thread_is_main() }

    /// Whether the threads of Swift's own pool exist already: some task has run there.
    static var hasPoolThreads: Bool {
        guard let directory = unsafe opendir("/proc/self/task") else { return false }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let id = unsafe withUnsafePointer(to: &entry.pointee.d_name.0) {
                unsafe String(cString: $0)
            }
            guard let file = unsafe fopen("/proc/self/task/\(id)/comm", "r") else { continue }
            defer { unsafe fclose(file) }
            var name = [CChar](repeating: 0, count: 32)
            guard unsafe fgets(&name, 31, file) != nil else { continue }
            // The pool's threads are named after their quality of service: "root.default-qos".
            let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            if String(decoding: bytes, as: UTF8.self).contains("-qos") { return true }
        }
        return false
    }

    /// The object installed with ``withCurrent(_:_:)``, if any.
    static func current<Object: AnyObject>(as type: Object.Type) -> Object? {
        guard let pointer = unsafe cel_thread_get_current() else { return nil }
        // SAFETY: only `install` sets it, always to an `Object` that its caller keeps alive.
        return unsafe Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The same for one short look, without counting a reference.
    @inline(__always)
    static func withCurrent<Object: AnyObject, R>(
        as type: Object.Type, _ body: (Object) throws -> R
    ) rethrows -> R? {
        guard let pointer = unsafe cel_thread_get_current() else { return nil }
        // SAFETY: as above; it stays installed while this thread is in `body`.
        return try unsafe Unmanaged<Object>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
            try body($0)
        }
    }

    /// Whether that object, which is alive, is the thread's current one.
    @inline(__always)
    static func isCurrent<Object: AnyObject>(_ object: Unmanaged<Object>) -> Bool {
        unsafe cel_thread_get_current() == object.toOpaque()
    }

    /// Makes `object` the thread's current one, and returns what was there before.
    ///
    /// The caller keeps the object alive until it has put the previous one back.
    static func install<Object: AnyObject>(_ object: Object) -> Previous {
        let previous = unsafe Previous(pointer: cel_thread_get_current())
        unsafe cel_thread_set_current(Unmanaged.passUnretained(object).toOpaque())
        return previous
    }

    static func restore(_ previous: Previous) {
        unsafe cel_thread_set_current(previous.pointer)
    }

    @safe
    struct Previous {
        // SAFETY: only put back, by `restore`; never looked at.
        fileprivate let pointer: UnsafeMutableRawPointer?
    }

    /// Starts a thread with a name (the kernel keeps 15 bytes) that nobody joins.
    package static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body))
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, &attributes, threadMain, box.toOpaque())
        if result != 0 {
            // SAFETY: no thread was started, so the retain for it is ours to give back.
            unsafe box.release()
            throw SystemError(errno: result)
        }
    }
}

private final class ThreadBody {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

/// The C entry of a thread.
///
/// A free function, so that it is isolated to nothing.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: `start` passed one retained ThreadBody, which is taken over here, once.
    guard let argument = unsafe argument else { return nil }
    let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    let name = String(decoding: body.name.utf8.prefix(15), as: UTF8.self)
    unsafe name.withCString { unsafe cel_thread_set_name($0) }
    body.run()
    return nil
}
