// The system calls of datagram sockets.
internal import CEventLoop
internal import Glibc

/// Datagram sockets' calls, through a loop's table of system calls.
enum DatagramCalls {
    // SAFETY: every pointer passed to C points to memory that lives through the call, with its size;
    // C keeps none of them.

    /// How many datagrams one call takes at most.
    static let maximum = Int(CEL_DATAGRAMS_MAX)

    static func open(_ family: CInt, _ calls: SystemCalls) throws(SystemError) -> CInt {
        var descriptor: CInt = -1
        _ = try check(unsafe cel_datagram_open(calls.table, family, &descriptor))
        return descriptor
    }

    /// Receives up to `count` datagrams of up to `room` bytes each; nil if there is none.
    static func receive(
        _ descriptor: CInt, count: Int, room: Int, _ calls: SystemCalls
    ) throws(SystemError) -> [Datagram]? {
        let count = min(count, maximum)
        // Not zeroed, and touched only where the kernel writes.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(count * room, 1), alignment: 16)
        defer { unsafe memory.deallocate() }
        var datagrams = unsafe (0..<count).map { index in
            var datagram = unsafe cel_datagram()
            unsafe datagram.bytes = unsafe memory.baseAddress.map { unsafe $0 + index * room }
            unsafe datagram.capacity = room
            return unsafe datagram
        }
        let received = unsafe datagrams.withUnsafeMutableBufferPointer { list in
            // SAFETY: `count` is at least 1, so the list has a base address.
            unsafe list.baseAddress.map {
                unsafe cel_datagram_receive(calls.table, descriptor, $0, count)
            } ?? 0
        }
        if received < 0 {
            let error = SystemError(errno: Int32(-received))
            if error.wouldBlock { return nil }
            throw error
        }
        return unsafe datagrams.prefix(received).map { datagram in
            let length = unsafe min(datagram.size, room)
            let bytes = unsafe [UInt8](
                UnsafeRawBufferPointer(start: datagram.bytes, count: length))
            return unsafe Datagram(
                bytes: bytes, address: SocketAddress(raw: datagram.address), size: datagram.size)
        }
    }

    /// Sends datagrams, from the first on: how many the kernel took; 0 if it has no room.
    ///
    /// - Parameters:
    ///   - datagrams: What to send.
    ///   - descriptor: By which socket.
    ///   - isConnected: Whether they go to the socket's peer, whatever their addresses.
    ///   - calls: The system calls.
    /// - Returns: How many of the first were taken.
    /// - Throws: Why the first of them cannot be sent.
    static func send(
        _ datagrams: ArraySlice<Datagram>, _ descriptor: CInt, isConnected: Bool,
        _ calls: SystemCalls
    ) throws(SystemError) -> Int {
        let batch = Array(datagrams.prefix(maximum))
        let sent = unsafe withPointers(to: batch, from: 0, []) { pointers in
            var list = unsafe zip(batch, pointers).map { datagram, pointer in
                var entry = unsafe cel_datagram()
                unsafe entry.bytes = unsafe UnsafeMutableRawPointer(mutating: pointer)
                unsafe entry.capacity = datagram.bytes.count
                if !isConnected { unsafe entry.address = datagram.address.raw }
                return unsafe entry
            }
            return unsafe list.withUnsafeMutableBufferPointer { list in
                unsafe list.baseAddress.map {
                    unsafe cel_datagram_send(calls.table, descriptor, $0, list.count)
                } ?? 0
            }
        }
        if sent >= 0 { return sent }
        let error = SystemError(errno: Int32(-sent))
        if error.wouldBlock { return 0 }
        throw error
    }

    /// Calls `body` with a pointer to each datagram's bytes.
    private static func withPointers(
        to batch: [Datagram], from index: Int, _ pointers: [UnsafeRawPointer?],
        _ body: ([UnsafeRawPointer?]) -> Int
    ) -> Int {
        if index == batch.count { return unsafe body(pointers) }
        return unsafe batch[index].bytes.withUnsafeBytes { bytes in
            unsafe withPointers(
                to: batch, from: index + 1, pointers + [bytes.baseAddress], body)
        }
    }

    static func setMembership(
        _ descriptor: CInt, of group: SocketAddress, interface: String?, joins: Bool,
        _ calls: SystemCalls
    ) throws(SystemError) {
        var index: UInt32 = 0
        if let interface {
            index = unsafe if_nametoindex(interface)
            if index == 0 { throw SystemError(errno: errno) }
        }
        var raw = group.raw
        _ = try check(
            unsafe cel_datagram_membership(calls.table, descriptor, &raw, index, joins))
    }

    typealias Option = Socket.Option

    static func set(
        _ option: Option, _ value: Int, _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) {
        try Socket.set(option, value, descriptor, calls)
    }
}
