import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

@Suite struct SocketTests {
    /// A listener on the loopback, past the script's failures.
    private func makeListener() throws -> (fd: CInt, address: cel_address) {
        var address = cel_address()
        var fd: CInt = -1
        #expect(cel_address_parse("127.0.0.1", 0, &address) == 0)
        #expect(cel_socket_open(script_sys(), AF_INET, &fd) == 0)
        #expect(cel_socket_bind(script_sys(), fd, &address) == 0)
        #expect(cel_socket_listen(script_sys(), fd, 16) == 0)
        #expect(cel_socket_local_address(script_sys(), fd, &address) == 0)
        return (fd, address)
    }

    private func close(_ fds: CInt...) {
        for fd in fds { #expect(cel_fd_close(script_sys(), fd) == 0) }
    }

    @Test func `a socket is born without blocking and without inheritance`() throws {
        script_reset()
        var (listener, address) = try makeListener()
        var client: CInt = -1
        var server: CInt = -1
        var peer = cel_address()
        #expect(cel_socket_accept(script_sys(), listener, &peer, &server) == -EAGAIN)
        #expect(cel_socket_open(script_sys(), AF_INET, &client) == 0)
        let connected = cel_socket_connect(script_sys(), client, &address)
        #expect(connected == 0 || connected == -EINPROGRESS)
        #expect(waitReadable(listener))
        #expect(cel_socket_accept(script_sys(), listener, &peer, &server) == 0)
        for fd in [listener, client, server] {
            #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
            #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0)
        }
        var local = cel_address()
        #expect(cel_socket_local_address(script_sys(), client, &local) == 0)
        #expect(cel_address_port(&local) == cel_address_port(&peer))
        close(listener, client, server)
        #expect(script_open_descriptors() == 0)
    }

    @Test func `a refused connection is told once, by the pending error (C11)`() throws {
        var (listener, address) = try makeListener()
        close(listener)
        let loop = try TestLoop()
        var client: CInt = -1
        #expect(cel_socket_open(script_sys(), AF_INET, &client) == 0)
        let connected = cel_socket_connect(script_sys(), client, &address)
        if connected == -EINPROGRESS {
            let token = try loop.register(client)
            _ = try loop.poll(wait: true)
            #expect(cel_socket_take_error(script_sys(), client) == -ECONNREFUSED)
            #expect(cel_fd_deregister(loop.raw, token) == 0)
        } else {
            #expect(connected == -ECONNREFUSED)
        }
        #expect(cel_socket_take_error(script_sys(), client) == 0)
        close(client)
    }

    @Test func `an interrupted connect is in progress, and is not called again`() throws {
        script_reset()
        var (listener, address) = try makeListener()
        var client: CInt = -1
        #expect(cel_socket_open(script_sys(), AF_INET, &client) == 0)
        script_fail(SCRIPT_CONNECT, 1, 1, EINTR)
        #expect(cel_socket_connect(script_sys(), client, &address) == -EINPROGRESS)
        #expect(script_count(SCRIPT_CONNECT) == 1)
        close(listener, client)
    }

    @Test func `an interrupted call is repeated, and the error of another is told`() throws {
        script_reset()
        let pair = Pair()
        var byte: UInt8 = 1
        script_fail(SCRIPT_SEND, 1, 2, EINTR)
        #expect(cel_socket_send(script_sys(), pair.far, &byte, 1) == 1)
        #expect(script_count(SCRIPT_SEND) == 3)
        script_fail(SCRIPT_RECV, 1, 2, EINTR)
        #expect(cel_socket_receive(script_sys(), pair.near, &byte, 1) == 1)
        #expect(script_count(SCRIPT_RECV) == 3)
        script_fail(SCRIPT_RECV, 1, 1, ECONNRESET)
        #expect(cel_socket_receive(script_sys(), pair.near, &byte, 1) == -Int(ECONNRESET))
        #expect(cel_socket_receive(script_sys(), pair.near, &byte, 1) == -Int(EAGAIN))
    }

    @Test func `no bytes are no call, and not the end of the stream (D7)`() throws {
        script_reset()
        let pair = Pair()
        #expect(cel_socket_receive(script_sys(), pair.near, nil, 0) == 0)
        #expect(cel_socket_send(script_sys(), pair.near, nil, 0) == 0)
        #expect(cel_socket_receive(script_sys(), pair.near, nil, 1) == -Int(EFAULT))
        #expect(cel_socket_send(script_sys(), pair.near, nil, 1) == -Int(EFAULT))
        #expect(script_count(SCRIPT_RECV) == 0)
        #expect(script_count(SCRIPT_SEND) == 0)
    }

    @Test func `writing to a peer that is gone is an error, not a signal (D1)`() throws {
        script_reset()
        let pair = Pair()
        pair.closeNear()
        var byte: UInt8 = 1
        #expect(cel_socket_send(script_sys(), pair.far, &byte, 1) == -Int(EPIPE))
    }

    @Test func `a blocking descriptor does not block`() throws {
        script_reset()
        let pair = Pair()
        #expect(fcntl(pair.near, F_SETFL, 0) == 0)
        var byte: UInt8 = 1
        #expect(cel_socket_receive(script_sys(), pair.near, &byte, 1) == -Int(EAGAIN))
    }

    @Test func `half-close: the peer reads the end, and still writes (D10)`() throws {
        script_reset()
        let pair = Pair()
        var byte: UInt8 = 1
        #expect(cel_socket_finish_writing(script_sys(), pair.far) == 0)
        #expect(cel_socket_receive(script_sys(), pair.near, &byte, 1) == 0)
        #expect(cel_socket_send(script_sys(), pair.near, &byte, 1) == 1)
        #expect(cel_socket_receive(script_sys(), pair.far, &byte, 1) == 1)
    }

    @Test func `a second bind to a port in use fails there (C19)`() throws {
        script_reset()
        var (listener, address) = try makeListener()
        var other: CInt = -1
        #expect(cel_socket_open(script_sys(), AF_INET, &other) == 0)
        #expect(cel_socket_bind(script_sys(), other, &address) == -EADDRINUSE)
        var peer = cel_address()
        #expect(cel_socket_peer_address(script_sys(), other, &peer) == -ENOTCONN)
        close(listener, other)
    }

    @Test func `options are set and read`() throws {
        script_reset()
        var fd: CInt = -1
        #expect(cel_socket_open(script_sys(), AF_INET6, &fd) == 0)
        #expect(cel_socket_set_option(script_sys(), fd, CInt(IPPROTO_TCP), TCP_NODELAY, 1) == 0)
        var value: CInt = 0
        #expect(
            cel_socket_get_option(script_sys(), fd, CInt(IPPROTO_TCP), TCP_NODELAY, &value) == 0)
        #expect(value != 0)
        #expect(
            cel_socket_set_option(script_sys(), fd, CInt(IPPROTO_TCP), 9_999, 1) == -ENOPROTOOPT)
        close(fd)
        #expect(cel_socket_open(script_sys(), 9_999, &fd) == -EAFNOSUPPORT)
    }
}

/// Waits for a readable descriptor; false after ten seconds.
private func waitReadable(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 10_000) == 1
}
