// Descriptors of any kind: what can be asked of them without touching what they carry.
internal import Glibc

/// Operations on descriptors that belong to somebody else.
enum Descriptor {
    // SAFETY: the pointer passed to poll points to a local value that lives through the call.

    /// A second descriptor for the same open file, closed in programs that this one starts.
    static func duplicate(_ descriptor: CInt) throws(SystemError) -> CInt {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        if copy < 0 { throw SystemError(errno: errno) }
        return copy
    }

    /// Whether a read would not block, or would fail at once.
    static func isReadable(_ descriptor: CInt) -> Bool { isReady(descriptor, Int16(POLLIN)) }

    /// Whether a write would not block, or would fail at once.
    static func isWritable(_ descriptor: CInt) -> Bool { isReady(descriptor, Int16(POLLOUT)) }

    private static func isReady(_ descriptor: CInt, _ events: Int16) -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let count = unsafe poll(&entry, 1, 0)
            if count >= 0 { return count > 0 }
            if errno != EINTR { return false }
        }
    }

    /// What epoll says of files and directories.
    static var notPollable: Int32 { EPERM }
}
