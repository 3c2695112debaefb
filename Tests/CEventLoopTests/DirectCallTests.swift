import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

/// recv and send, as instructions and through the C library: nobody can tell them apart.
@Suite struct DirectCallTests {
    private static func withTables(_ body: (UnsafePointer<cel_sys>) throws -> Void) rethrows {
        // A table is direct by its address.
        let table = UnsafeMutablePointer<cel_sys>.allocate(capacity: 1)
        defer { table.deallocate() }
        table.initialize(to: cel_sys_default().pointee)
        #if arch(x86_64) || arch(arm64)
            #expect(cel_sys_direct == (script_is_sanitized() ? nil : cel_sys_default()))
        #endif
        try body(cel_sys_default())
        try body(table)
    }

    @Test func `bytes go out and come in`() {
        Self.withTables { table in
            let (near, far) = makePair()
            var received: [UInt8] = Array(repeating: 0, count: 8)
            #expect(cel_socket_receive(table, far, &received, 8) == -Int(EAGAIN))
            #expect(cel_socket_send(table, near, [1, 2, 3] as [UInt8], 3) == 3)
            #expect(cel_socket_receive(table, far, &received, 2) == 2)
            #expect(cel_socket_receive(table, far, &received, 8) == 1)
            #expect(received.first == 3)
            Glibc.close(near)
            #expect(cel_socket_receive(table, far, &received, 8) == 0)
            // No signal, or the test would end here.
            #expect(cel_socket_send(table, far, received, 8) == -Int(EPIPE))
            Glibc.close(far)
        }
    }

    @Test func `a blocking descriptor does not block, and a full one takes what it can`() {
        Self.withTables { table in
            let (near, far) = makePair(flags: 0)
            var byte: UInt8 = 0
            #expect(cel_socket_receive(table, far, &byte, 1) == -Int(EAGAIN))
            let much = [UInt8](repeating: 7, count: 1 << 16)
            var sent = 0
            var result = 0
            repeat {
                result = cel_socket_send(table, near, much, much.count)
                sent += max(result, 0)
            } while result > 0
            #expect(result == -Int(EAGAIN))
            #expect(sent > 0)
            Glibc.close(near)
            Glibc.close(far)
        }
    }

    @Test func `what is no socket, or no memory, is said by its errno`() {
        Self.withTables { table in
            var byte: UInt8 = 0
            #expect(cel_socket_receive(table, -1, &byte, 1) == -Int(EBADF))
            #expect(cel_socket_send(table, -1, &byte, 1) == -Int(EBADF))
            var ends: [CInt] = [-1, -1]
            #expect(script_pipe(&ends) == 0)
            #expect(cel_socket_receive(table, ends[0], &byte, 1) == -Int(ENOTSOCK))
            #expect(cel_socket_send(table, ends[1], &byte, 1) == -Int(ENOTSOCK))
            for end in ends { Glibc.close(end) }
            let (near, far) = makePair()
            #expect(cel_socket_send(table, near, nil, 1) == -Int(EFAULT))
            #expect(cel_socket_receive(table, far, nil, 1) == -Int(EFAULT))
            let nowhere = UnsafeMutableRawPointer(bitPattern: 1)
            #expect(cel_socket_send(table, near, nowhere, 1) == -Int(EFAULT))
            #expect(cel_socket_send(table, near, &byte, 0) == 0)
            #expect(cel_socket_receive(table, far, &byte, 0) == 0)
            Glibc.close(near)
            Glibc.close(far)
        }
    }

    private func makePair(flags: CInt = CInt(SOCK_NONBLOCK.rawValue)) -> (near: CInt, far: CInt) {
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | flags, 0, &ends) == 0)
        return (ends[0], ends[1])
    }
}
