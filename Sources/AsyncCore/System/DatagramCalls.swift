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

    /// Two Unix sockets that are connected with each other.
    static func makePair(_ calls: SystemCalls) throws(SystemError) -> (CInt, CInt) {
        var first: CInt = -1
        var second: CInt = -1
        _ = try check(unsafe cel_datagram_pair(calls.table, &first, &second))
        return (first, second)
    }

    /// Receives up to `count` datagrams of up to `room` bytes each; nil if there is none.
    ///
    /// Fewer come at a time if they would not all fit into the loop's buffer; a datagram that would
    /// not fit into it is cut.
    static func receive<Address: DatagramAddress>(
        _ descriptor: CInt, count: Int, room: Int, _ scratch: ScratchBuffer, _ calls: SystemCalls
    ) throws(SystemError) -> [Datagram<Address>]? {
        var datagrams: [Datagram<Address>] = []
        let isThere = unsafe try receive(
            descriptor, count: count, room: room, scratch,
            { unsafe cel_datagram_receive(calls.table, descriptor, $0, $1) },
            { entries in datagrams = unsafe entries.map { unsafe value($0) } })
        return isThere ? datagrams : nil
    }

    /// Receives by `call` up to `count` entries of up to `room` bytes each, and lends them to `body`;
    /// false if there is none.
    @inline(__always)
    static func receive(
        _ descriptor: CInt, count: Int, room: Int, _ scratch: ScratchBuffer,
        _ call: (UnsafeMutablePointer<cel_datagram>, Int) -> Int,
        _ body: (Slice<UnsafeMutableBufferPointer<cel_datagram>>) -> Void
    ) throws(SystemError) -> Bool {
        let room = min(room, ScratchBuffer.largest)
        let count = min(count, maximum, max(ScratchBuffer.largest / max(room, 1), 1))
        let received = unsafe scratch.withMemory(max(count * room, 1)) { memory in
            unsafe withUnsafeTemporaryAllocation(of: cel_datagram.self, capacity: count) { list in
                for index in 0..<count {
                    var entry = unsafe cel_datagram()
                    unsafe entry.bytes = unsafe memory + index * room
                    unsafe entry.capacity = room
                    unsafe list.initializeElement(at: index, to: entry)
                }
                // SAFETY: `count` is at least 1, so the list has a base address.
                let received = unsafe list.baseAddress.map { unsafe call($0, count) } ?? 0
                if received > 0 { unsafe body(list.prefix(received)) }
                return received
            }
        }
        if received >= 0 { return true }
        let error = SystemError(errno: Int32(-received))
        if error.wouldBlock { return false }
        throw error
    }

    private static func value<Address: DatagramAddress>(
        _ datagram: cel_datagram
    ) -> Datagram<Address> {
        let length = unsafe min(datagram.size, datagram.capacity)
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: datagram.bytes, count: length))
        return unsafe Datagram(
            bytes: bytes, address: Address(raw: datagram.address), size: datagram.size)
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
    static func send<Address: DatagramAddress>(
        _ datagrams: ArraySlice<Datagram<Address>>, _ descriptor: CInt, isConnected: Bool,
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

    /// The error of a datagram that was not sent.
    static func error<Address>(_ error: SystemError, of datagram: Datagram<Address>?) -> IOError {
        Self.error(error, datagram.map { "send \($0.bytes.count) bytes to \($0.address)" })
    }

    /// The same, with what was attempted.
    static func error(_ error: SystemError, _ operation: String?) -> IOError {
        // A Unix socket whose peer has gone is told so once, and from then on that it has none.
        let hasNoPeer = error.errno == ENOTCONN
        return IOError(
            error, operation: operation ?? "send", code: hasNoPeer ? .connectionRefused : nil,
            detail: hasNoPeer ? "the peer has closed its socket" : nil)
    }

    /// Calls `body` with a pointer to each datagram's bytes.
    private static func withPointers<Address>(
        to batch: [Datagram<Address>], from index: Int, _ pointers: [UnsafeRawPointer?],
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
