import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

@Suite(.watched)
struct IOErrorTests {
    @Test(arguments: [
        (ECONNREFUSED, IOError.Code.connectionRefused), (ECONNRESET, .connectionReset),
        (EPIPE, .brokenPipe), (ETIMEDOUT, .timedOut), (EHOSTUNREACH, .unreachable),
        (ENETUNREACH, .unreachable), (EADDRINUSE, .addressInUse),
        (EADDRNOTAVAIL, .addressNotAvailable), (EACCES, .permissionDenied),
        (EPERM, .permissionDenied), (EMFILE, .resourcesExhausted), (ENFILE, .resourcesExhausted),
        (ENOBUFS, .resourcesExhausted), (ENOMEM, .resourcesExhausted), (EBADF, .badDescriptor),
        (ENOTSOCK, .badDescriptor), (EIO, .system), (ENOSPC, .system),
    ])
    func `each errno has its code, and keeps its number (S440, S458)`(
        errno: CInt, code: IOError.Code
    ) {
        let error = IOError(SystemError(errno: errno), operation: "try")
        #expect(error.code == code)
        #expect(error.errno == errno)
        #expect(error.detail == String(cString: strerror(errno)))
    }

    @Test func `the description says what was attempted, what failed, and the number`() {
        let refused = IOError(SystemError(errno: ECONNREFUSED), operation: "connect to 127.0.0.1:1")
        #expect(
            refused.description
                == "cannot connect to 127.0.0.1:1: connection refused [errno \(ECONNREFUSED)]")
        let busy = IOError(.busy, operation: "read from [::1]:2", detail: "another task is reading")
        #expect(busy.description == "cannot read from [::1]:2: busy (another task is reading)")
        #expect(
            IOError(.closed, operation: "write to x").description == "cannot write to x: closed")
    }

    @Test func `errors are equal when all of their parts are`() {
        let error = IOError(.busy, operation: "read")
        #expect(error == IOError(.busy, operation: "read"))
        #expect(error != IOError(.closed, operation: "read"))
        #expect(error != IOError(.busy, operation: "write"))
        #expect(error != IOError(.busy, operation: "read", detail: "more"))
    }
}
