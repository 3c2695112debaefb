// Many datagrams as one, for the kernel to cut, or as it has joined them.
internal import CEventLoop
internal import Glibc

extension DatagramCalls {
    // SAFETY: every pointer passed to C points to memory that lives through the call, with its size;
    // C keeps none of them.

    // MARK: - Receiving

    /// Lets the kernel join datagrams; false if it does not know how, before Linux 5.0.
    static func coalesce(_ descriptor: CInt, _ calls: SystemCalls) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try set(.coalescing, 1, descriptor, calls)
            return true
        } catch {
            if error.errno == ENOPROTOOPT { return false }
            throw error
        }
    }

    /// What one system call gave.
    struct Reception<Address: DatagramAddress> {
        /// In the order of arrival; there may be more than were asked for.
        var datagrams: [Datagram<Address>] = []
        /// How many the kernel had made of them.
        var messages = 0
        /// The kernel's count of those that it has dropped, as the last of these has it; 0 if it did
        /// not say.
        var drops: UInt32 = 0
    }

    /// How many bytes joined datagrams may have: as many as IP allows.
    static let joinedRoom = ScratchBuffer.size

    /// Receives up to `messages` messages, with the kernel's notes; nil if there is none.
    ///
    /// - Parameters:
    ///   - descriptor: From which socket.
    ///   - messages: How many; each can be many datagrams, if the socket joins them.
    ///   - space: How many bytes of each message to take at most.
    ///   - count: How many datagrams are cut to `room`; those behind them are left as they came.
    ///   - room: How many bytes of a datagram to keep at most.
    ///   - scratch: The loop's buffer.
    ///   - calls: The system calls.
    /// - Returns: What came.
    /// - Throws: Why nothing can be received, or what became of an earlier datagram.
    static func receiveNoted<Address: DatagramAddress>(
        _ descriptor: CInt, messages: Int, space: Int, count: Int, room: Int,
        _ scratch: ScratchBuffer, _ calls: SystemCalls
    ) throws(SystemError) -> Reception<Address>? {
        var reception = Reception<Address>()
        let isThere = unsafe try receive(
            descriptor, count: messages, room: space, scratch,
            { unsafe cel_datagram_receive_noted(calls.table, descriptor, $0, $1) },
            { entries in
                reception.messages = unsafe entries.count
                for index in unsafe entries.indices {
                    let entry = unsafe entries[index]
                    unsafe split(entry, into: &reception.datagrams, count, room)
                    if unsafe entry.drops != 0 { reception.drops = unsafe entry.drops }
                }
            })
        return isThere ? reception : nil
    }

    /// Adds the datagrams of a message, which is one, or those that the kernel has joined.
    private static func split<Address: DatagramAddress>(
        _ entry: cel_datagram, into datagrams: inout [Datagram<Address>], _ count: Int, _ room: Int
    ) {
        let address = unsafe Address(raw: entry.address)
        let size = unsafe entry.size
        let step = unsafe entry.segment_size > 0 ? Int(entry.segment_size) : max(size, 1)
        // SAFETY: C says that there are `capacity` bytes at `bytes`, of which `size` were filled.
        let memory = unsafe UnsafeRawBufferPointer(
            start: entry.bytes, count: min(size, entry.capacity))
        var start = 0
        repeat {
            let length = min(step, size - start)
            let kept = datagrams.count < count ? min(length, room) : length
            let range = min(start, memory.count)..<min(start + kept, memory.count)
            let bytes = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: memory[range]))
            datagrams.append(Datagram(bytes: bytes, address: address, size: length))
            start += step
        } while start < size
    }

    // MARK: - Sending

    /// Whether the kernel cuts arrays into datagrams: Linux 4.18 and later.
    static func cutsSegments(_ descriptor: CInt, _ calls: SystemCalls) -> Bool {
        do throws(SystemError) {
            _ = try Socket.get(.segmentSize, descriptor, calls)
            return true
        } catch {
            return false
        }
    }

    /// How many messages for the kernel to cut go out at once: no more than 256 KiB.
    private static let cutMessages = 4

    /// Sends segments, from one of them on: how many the kernel took; 0 if it has no room.
    ///
    /// - Parameters:
    ///   - segments: What to send.
    ///   - index: The first one.
    ///   - address: Where to; nil for the socket's peer.
    ///   - areJoined: Whether the kernel is to cut them; if not, each is a message.
    ///   - descriptor: By which socket.
    ///   - calls: The system calls.
    /// - Returns: How many of the first were taken.
    /// - Throws: Why the first of them, or a message that begins with it, cannot be sent.
    static func send(
        _ segments: DatagramSegments, from index: Int, to address: SocketAddress?,
        areJoined: Bool, _ descriptor: CInt, _ calls: SystemCalls
    ) throws(SystemError) -> Int {
        let left = segments.count - index
        let each = areJoined ? segments.perMessage : 1
        let count = min((left - 1) / each + 1, areJoined ? cutMessages : maximum)
        let raw = address?.raw
        let sent = unsafe segments.bytes.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: cel_datagram.self, capacity: count) { list in
                for place in 0..<count {
                    let range = segments.range(from: index + place * each, each)
                    let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
                    var entry = unsafe cel_datagram()
                    unsafe entry.bytes = unsafe UnsafeMutableRawPointer(
                        mutating: piece.baseAddress)
                    unsafe entry.capacity = piece.count
                    // A message of one is sent as any other: there are drivers that trip over it.
                    if range.count > segments.size {
                        unsafe entry.segment_size = UInt16(segments.size)
                    }
                    if let raw { unsafe entry.address = raw }
                    unsafe list.initializeElement(at: place, to: entry)
                }
                return unsafe list.baseAddress.map {
                    unsafe cel_datagram_send(calls.table, descriptor, $0, count)
                } ?? 0
            }
        }
        if sent >= 0 { return min(sent * each, left) }
        let error = SystemError(errno: Int32(-sent))
        if error.wouldBlock { return 0 }
        throw error
    }
}

extension SystemError {
    /// Whether it may be the kernel's way to say that it cannot cut an array there, although its
    /// pieces can be sent.
    ///
    /// EIO: the way out makes no checksums. EINVAL and EMSGSIZE: a datagram is larger than the packets
    /// of the way out, so that it would go in fragments. Some drivers say EINVAL whatever the size.
    var refusesSegments: Bool { errno == EIO || errno == EINVAL || errno == EMSGSIZE }

    /// Whether it is so for every size.
    var refusesAllSegments: Bool { errno == EIO }
}
