import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

/// Runs a workload once, then once more for each call that it made and each error of that call,
/// with that one failure. The workload must end, succeed or report that very error, and leave
/// nothing open.
@Suite struct FaultSweepTests {
    typealias Failure = TestLoop.Failure

    static let interrupted = [EINTR]
    static let descriptorLimits = [EMFILE, ENFILE, ENOMEM]

    /// What each call may fail with. A write that fails otherwise than by EINTR or a full counter
    /// cannot be survived by a sleeping loop; WakeupTests has that one.
    static func errors(of call: script_call) -> [CInt] {
        switch call {
        case SCRIPT_EPOLL_CREATE1, SCRIPT_TIMERFD_CREATE, SCRIPT_EVENTFD: descriptorLimits
        case SCRIPT_EPOLL_CTL: [EEXIST, ENOENT, EBADF, EPERM, ENOMEM, ENOSPC, ELOOP]
        case SCRIPT_EPOLL_WAIT: [EINTR, EBADF, EINVAL]
        case SCRIPT_TIMERFD_SETTIME: [EINVAL, EBADF, ECANCELED]
        case SCRIPT_READ: [EINTR, EAGAIN, EIO, ECANCELED]
        case SCRIPT_WRITE: interrupted
        case SCRIPT_CLOSE: [EINTR, EIO, ENOSPC]
        case SCRIPT_CLOCK_GETTIME: [EINVAL]
        case SCRIPT_SOCKET: descriptorLimits + [ENOBUFS, EAFNOSUPPORT]
        case SCRIPT_BIND: [EADDRINUSE, EACCES, EADDRNOTAVAIL, EINTR]
        case SCRIPT_LISTEN: [EADDRINUSE, EINTR]
        case SCRIPT_ACCEPT4: descriptorLimits + [EINTR, ECONNABORTED, ENOBUFS, EPERM, EPROTO]
        case SCRIPT_CONNECT:
            [EINTR, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EACCES]
        case SCRIPT_RECV, SCRIPT_RECVMSG: [EINTR, ECONNRESET, ETIMEDOUT, EIO, ENOMEM]
        case SCRIPT_SEND: [EINTR, EPIPE, ECONNRESET, ENOBUFS, ENOMEM]
        case SCRIPT_SOCKETPAIR: [EINTR] + descriptorLimits
        case SCRIPT_SENDMSG: [EINTR, EPIPE, ECONNRESET, ENOBUFS, ENOMEM]
        case SCRIPT_LSTAT, SCRIPT_UNLINK, SCRIPT_FCHMOD, SCRIPT_FCHMODAT: [EINTR, EACCES, EIO]
        case SCRIPT_SHUTDOWN: [EINTR, ENOTCONN]
        case SCRIPT_GETSOCKOPT, SCRIPT_SETSOCKOPT: [EINTR, ENOMEM, EINVAL]
        case SCRIPT_GETSOCKNAME, SCRIPT_GETPEERNAME: [EINTR, ENOBUFS]
        case SCRIPT_REALLOC: [ENOMEM]
        default: []
        }
    }

    @Test func `creating a loop fails cleanly at each of its calls (B19, J1, J10)`() throws {
        do { _ = try TestLoop() }
        let counts = script_call.all.map { ($0, script_count($0)) }.filter { $0.0 != SCRIPT_CLOSE }
        for (call, count) in counts where count > 0 {
            for nth in 1...count {
                script_reset()
                script_fail(call, nth, 1, EMFILE)
                var options = cel_options(sys: script_sys(), first_generation: 0)
                var made: OpaquePointer?
                let expected = call == SCRIPT_REALLOC ? ENOMEM : EMFILE
                #expect(cel_loop_create(&options, &made) == -expected)
                #expect(made == nil)
                #expect(script_open_descriptors() == 0)
                #expect(script_live_blocks() == 0)
            }
        }
    }

    @Test func `every call of the loop fails once, with every error (J1, I3, I4, I5)`() throws {
        try sweep(workload: Self.loopWorkload)
    }

    @Test func `every call of a conversation fails once, with every error (J1, I3, I4)`() throws {
        try sweep(workload: Self.socketWorkload)
    }

    private func sweep(workload: () throws -> Void) throws {
        script_reset()
        try workload()
        let counts = script_call.all.map { ($0, script_count($0)) }
        for (call, count) in counts where count > 0 {
            for error in Self.errors(of: call) {
                for nth in 1...count {
                    script_reset()
                    script_fail(call, nth, 1, error)
                    let note: Comment = "call \(call.rawValue), number \(nth), errno \(error)"
                    do { try workload() } catch let failure as Failure {
                        #expect(failure.error == error, note)
                    }
                    #expect(script_open_descriptors() == 0, note)
                    #expect(script_live_blocks() == 0, note)
                    #expect(script_count(call) <= count * 2 + 8, note)
                }
            }
        }
    }

    /// -errno to an error.
    @discardableResult
    private static func check(_ result: CInt) throws(Failure) -> CInt {
        if result < 0 { throw Failure(error: -result) }
        return result
    }

    /// A loop on the fake clock, with what the workload has registered.
    private final class Rig {
        let loop: OpaquePointer
        private var tokens: [cel_token] = []

        /// Does not reset the script.
        init() throws {
            script_set_clock(1_000_000)
            var options = cel_options(sys: script_sys(), first_generation: 0)
            var made: OpaquePointer?
            try check(cel_loop_create(&options, &made))
            loop = try #require(made)
        }

        func end() {
            for token in tokens { #expect(cel_fd_deregister(loop, token) == 0) }
            #expect(cel_loop_destroy(loop) == 0)
        }

        @discardableResult
        func register(_ fd: CInt, _ mode: cel_mode, user: UInt64) throws -> cel_token {
            var token: cel_token = 0
            try check(cel_fd_register(loop, fd, mode, user, &token))
            tokens.append(token)
            return token
        }

        /// Turns until all of `expected` has come. A loop that spins runs out of turns.
        func wait(for expected: Set<UInt64>) throws {
            var missing = expected
            var batch = [cel_completion](repeating: cel_completion(), count: 16)
            for _ in 0..<60 where !missing.isEmpty {
                let count = try check(cel_loop_poll(loop, true, &batch, 16))
                for completion in batch[..<Int(count)] { missing.remove(completion.user) }
            }
            #expect(missing.isEmpty)
        }
    }

    private static func loopWorkload() throws {
        let pair = Pair()
        let pipe = Pair(.pipe)
        let rig = try Rig()
        defer { rig.end() }
        try rig.register(pair.near, CEL_MODE_EDGE, user: 1)
        let oneshot = try rig.register(pipe.near, CEL_MODE_ONESHOT, user: 2)
        var token: cel_token = 0
        for offset in 0..<40 as Range<UInt64> {
            try check(cel_timer_add(rig.loop, 1_000_100 + offset, 100 + offset, &token))
        }
        try check(cel_timer_move(rig.loop, token, 1_000_050))
        pipe.send()
        try check(cel_fd_rearm(rig.loop, oneshot, UInt32(CEL_READABLE)))
        cel_loop_wakeup(rig.loop)
        try rig.wait(for: [0, 1, 2])
        try rig.wait(for: Set(100..<140))
        #expect(cel_timer_count(rig.loop) == 0)
    }

    /// A connection over the loopback: one byte, and the end of the stream.
    private static func socketWorkload() throws {
        let sys = script_sys()
        var opened: [CInt] = []
        defer { for fd in opened { _ = cel_fd_close(sys, fd) } }
        func keep(_ call: (inout CInt) -> CInt) throws -> CInt {
            var fd: CInt = -1
            try check(call(&fd))
            opened.append(fd)
            return fd
        }

        var address = cel_address()
        try check(cel_address_parse("127.0.0.1", 0, &address))
        let listener = try keep { cel_socket_open(sys, AF_INET, &$0) }
        try check(cel_socket_set_option(sys, listener, SOL_SOCKET, SO_REUSEADDR, 1))
        try check(cel_socket_bind(sys, listener, &address))
        try check(cel_socket_listen(sys, listener, 4))
        try check(cel_socket_local_address(sys, listener, &address))

        let rig = try Rig()
        defer { rig.end() }
        try rig.register(listener, CEL_MODE_EDGE, user: 1)
        let client = try keep { cel_socket_open(sys, AF_INET, &$0) }
        let connected = cel_socket_connect(sys, client, &address)
        // An interruption that is made up: nothing goes on in the background.
        if connected == -EINPROGRESS && script_errno() == EINTR { return }
        if connected != -EINPROGRESS { try check(connected) }
        try rig.register(client, CEL_MODE_EDGE, user: 2)
        try rig.wait(for: [1, 2])
        try check(cel_socket_take_error(sys, client))
        var peer = cel_address()
        let server = try keep { cel_socket_accept(sys, listener, &peer, &$0) }
        try check(cel_socket_peer_address(sys, client, &peer))
        #expect(cel_address_port(&peer) == cel_address_port(&address))

        var byte: UInt8 = 7
        try check(CInt(cel_socket_send(sys, client, &byte, 1)))
        try rig.register(server, CEL_MODE_EDGE, user: 3)
        try rig.wait(for: [3])
        byte = 0
        try check(CInt(cel_socket_receive(sys, server, &byte, 1)))
        #expect(byte == 7)
        try check(cel_socket_finish_writing(sys, client))
    }
}
