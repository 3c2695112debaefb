// The one place where a negative result of CEventLoop becomes an error.
internal import CEventLoop
internal import Glibc

/// A failed system call: its errno, nothing else.
///
/// Public calls map it to ``IOError`` at their edge.
package struct SystemError: Error, Equatable {
    let errno: Int32

    /// Whether the call only has to wait: EAGAIN.
    var wouldBlock: Bool { errno == EAGAIN }

    /// Descriptors, or the memory behind them, have run out: EMFILE, ENFILE, ENOBUFS, ENOMEM.
    var isExhaustion: Bool {
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM
    }

    /// A connection that failed before it was accepted, and says nothing about the listener: the
    /// pending network errors that accept(2) lists, and what firewalls and protocol faults add to
    /// them.
    var isPendingConnectionError: Bool {
        switch errno {
        case ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            EOPNOTSUPP, ENETUNREACH, ETIMEDOUT:
            true
        default: false
        }
    }

    /// The kernel's words for it, as strerror(3) gives them.
    var message: String { Self.message(errno) }

    static func message(_ errno: Int32) -> String {
        var text = [CChar](repeating: 0, count: 256)
        // SAFETY: the array is not empty, and the library writes at most its size, NUL included.
        unsafe text.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            unsafe cel_error_message(errno, base, buffer.count)
        }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Turns a count or `-errno` into a count or an error.
@inline(__always)
func check(_ result: Int32) throws(SystemError) -> Int32 {
    if result < 0 { throw SystemError(errno: -result) }
    return result
}

/// Turns a count or `-errno` into a count or an error.
@inline(__always)
func check(_ result: Int) throws(SystemError) -> Int {
    if result < 0 { throw SystemError(errno: Int32(truncatingIfNeeded: -result)) }
    return result
}

extension SystemError {
    /// ENOSPC of epoll_ctl: the user's limit of watches is reached.
    static var noWatchesLeft: Int32 { ENOSPC }

    /// The public code for this errno.
    var code: IOError.Code {
        switch errno {
        case ECONNREFUSED: .connectionRefused
        case ECONNRESET: .connectionReset
        case EPIPE: .brokenPipe
        case ETIMEDOUT: .timedOut
        case EHOSTUNREACH, ENETUNREACH: .unreachable
        case EADDRINUSE: .addressInUse
        case EADDRNOTAVAIL: .addressNotAvailable
        case EACCES, EPERM: .permissionDenied
        case ENOENT: .notFound
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, ETOOMANYREFS: .resourcesExhausted
        case EBADF, ENOTSOCK: .badDescriptor
        case EMSGSIZE: .messageTooLong
        default: .system
        }
    }
}
