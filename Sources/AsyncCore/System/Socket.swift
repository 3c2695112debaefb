// Socket calls on descriptors: the Swift face of cel_socket.h.
internal import CEventLoop
internal import Glibc

/// The socket calls.
///
/// Stateless; a ``DescriptorWatch`` owns each descriptor.
enum Socket {
    // SAFETY: every pointer passed to C below points to a local value, an array or a span that
    // lives through the call, with the size that is passed beside it; C keeps none of them.

    /// A new non-blocking stream socket.
    static func open(_ family: CInt, _ calls: SystemCalls) throws(SystemError) -> CInt {
        var descriptor: CInt = -1
        _ = try check(unsafe cel_socket_open(calls.table, family, &descriptor))
        return descriptor
    }

    /// Closes the descriptor.
    ///
    /// It is released even if an error is returned.
    @discardableResult
    static func close(_ descriptor: CInt, _ calls: SystemCalls) -> SystemError? {
        let result = unsafe cel_fd_close(calls.table, descriptor)
        precondition(
            result != -EBADF, "descriptor \(descriptor) was closed by somebody who does not own it")
        return result < 0 ? SystemError(errno: -result) : nil
    }

    /// Two Unix sockets that are connected with each other.
    static func makePair(_ calls: SystemCalls) throws(SystemError) -> (CInt, CInt) {
        var first: CInt = -1
        var second: CInt = -1
        _ = try check(unsafe cel_socket_pair(calls.table, &first, &second))
        return (first, second)
    }

    static func bind(
        _ descriptor: CInt, to address: SocketAddress, _ calls: SystemCalls
    ) throws(SystemError) {
        try bind(descriptor, to: address.raw, calls)
    }

    static func bind(
        _ descriptor: CInt, to address: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) {
        var raw = address
        _ = try check(unsafe cel_socket_bind(calls.table, descriptor, &raw))
    }

    static func listen(_ descriptor: CInt, backlog: Int, _ calls: SystemCalls) throws(SystemError) {
        _ = try check(
            unsafe cel_socket_listen(calls.table, descriptor, CInt(clamping: backlog)))
    }

    static func accept(
        _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> (CInt, RawAddress) {
        var accepted: CInt = -1
        var peer = cel_address()
        _ = try check(unsafe cel_socket_accept(calls.table, descriptor, &peer, &accepted))
        return (accepted, peer)
    }

    /// False if the connection is on its way: then wait until the socket is writable, and ask
    /// ``takeError(_:_:)``.
    static func connect(
        _ descriptor: CInt, to address: RawAddress, _ calls: SystemCalls
    ) throws(SystemError) -> Bool {
        var raw = address
        let result = unsafe cel_socket_connect(calls.table, descriptor, &raw)
        if result == -EINPROGRESS { return false }
        _ = try check(result)
        return true
    }

    /// The error that the socket has pending, if any.
    static func takeError(_ descriptor: CInt, _ calls: SystemCalls) -> SystemError? {
        let result = unsafe cel_socket_take_error(calls.table, descriptor)
        return result < 0 ? SystemError(errno: -result) : nil
    }

    static func finishWriting(_ descriptor: CInt, _ calls: SystemCalls) throws(SystemError) {
        _ = try check(unsafe cel_socket_finish_writing(calls.table, descriptor))
    }

    /// Whether a call stopped receiving at descriptors, which it has closed: there may be more
    /// behind them, of which the kernel tells nothing anew.
    struct Stop {
        /// Whether it can happen: with Unix streams alone.
        let isPossible: Bool
        fileprivate(set) var hasHappened = false

        init(isPossible: Bool) { self.isPossible = isPossible }
    }

    /// The number of bytes, or `-errno`.
    @inline(__always)
    static func receive(
        _ descriptor: CInt, _ memory: UnsafeMutableRawPointer?, _ count: Int, _ stop: inout Stop,
        _ calls: SystemCalls
    ) -> Int {
        if !stop.isPossible {
            return unsafe cel_socket_receive(calls.table, descriptor, memory, count)
        }
        return unsafe cel_descriptors_refuse(
            calls.table, descriptor, memory, count, &stop.hasHappened)
    }

    /// The number of bytes, or `-errno`: the hot paths look at the number themselves.
    @inline(__always)
    static func receive(
        _ descriptor: CInt, into buffer: inout MutableRawSpan, _ stop: inout Stop,
        _ calls: SystemCalls
    ) -> Int {
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe receive(descriptor, bytes.baseAddress, bytes.count, &stop, calls)
        }
    }

    /// Bytes as an array of their own, and the number of bytes or `-errno`.
    static func receive(
        _ descriptor: CInt, upTo count: Int, _ stop: inout Stop, _ calls: SystemCalls
    ) -> (bytes: [UInt8], result: Int) {
        var result = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            result = unsafe receive(descriptor, buffer.baseAddress, count, &stop, calls)
            initialized = max(result, 0)
        }
        return (bytes, result)
    }

    /// The number of bytes taken, or `-errno`.
    ///
    /// Never raises SIGPIPE.
    @inline(__always)
    static func send(_ descriptor: CInt, _ bytes: RawSpan, _ calls: SystemCalls) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe cel_socket_send(calls.table, descriptor, buffer.baseAddress, buffer.count)
        }
    }

    /// The same for an array's bytes from `start` on.
    @inline(__always)
    static func send(
        _ descriptor: CInt, _ bytes: [UInt8], from start: Int, _ calls: SystemCalls
    ) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[start...])
            return unsafe cel_socket_send(
                calls.table, descriptor, rest.baseAddress, rest.count)
        }
    }

    static func localAddress(
        _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> SocketAddress {
        SocketAddress(raw: try rawLocalAddress(descriptor, calls))
    }

    static func rawLocalAddress(
        _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> RawAddress {
        var raw = cel_address()
        _ = try check(unsafe cel_socket_local_address(calls.table, descriptor, &raw))
        return raw
    }

    /// Who made the other end of a Unix connection.
    static func peerCredentials(
        _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> UnixCredentials {
        var process: CInt = 0
        var user: CUnsignedInt = 0
        var group: CUnsignedInt = 0
        _ = try check(
            unsafe cel_socket_peer_credentials(calls.table, descriptor, &process, &user, &group))
        return UnixCredentials(processID: process, userID: user, groupID: group)
    }
}
