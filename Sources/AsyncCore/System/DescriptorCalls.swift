// The system calls that pass descriptors.
internal import CEventLoop
internal import Glibc

/// Sending and receiving descriptors, through a loop's table of system calls.
enum DescriptorCalls {
    // SAFETY: every pointer passed to C points to memory that lives through the call, with its size;
    // C keeps none of them.

    /// How many descriptors one message takes at most.
    static let maximum = Int(CEL_DESCRIPTORS_MAX)

    /// Sends bytes, at least one, and descriptors with the first: the number of bytes taken, or
    /// `-errno`.
    static func send(
        _ descriptor: CInt, _ bytes: [UInt8], with numbers: [CInt], _ calls: SystemCalls
    ) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe numbers.withUnsafeBufferPointer { list in
                // An array without elements may have no address; then there is nothing to read.
                var none: CInt = -1
                return unsafe withUnsafePointer(to: &none) { none in
                    guard let base = buffer.baseAddress else { return -Int(EINVAL) }
                    return unsafe cel_descriptors_send(
                        calls.table, descriptor, base, buffer.count, list.baseAddress ?? none,
                        list.count)
                }
            }
        }
    }

    /// What one call received.
    struct Reception {
        /// The number of bytes, or `-errno`.
        var result: Int
        var bytes: [UInt8] = []
        var descriptors: [OwnedDescriptor] = []
        var refusedCount = 0
        var hasLost = false
    }

    /// Receives up to `count` bytes, at least 1 and no more than fit into `scratch`, and keeps up to `limit` of the descriptors that come
    /// with them; the others are closed.
    static func receive(
        _ descriptor: CInt, upTo count: Int, limit: Int, _ scratch: ScratchBuffer,
        _ calls: SystemCalls
    ) -> Reception {
        var found = cel_descriptors()
        let (bytes, result) = unsafe scratch.receive(upTo: count) { memory, room in
            unsafe cel_descriptors_receive(calls.table, descriptor, memory, room, &found)
        }
        // SAFETY: the tuple is `CInt`s alone, of which the first `count` are set.
        // Each has an owner before anything else happens.
        let all = unsafe withUnsafeBytes(of: &found.numbers) { numbers in
            unsafe numbers.bindMemory(to: CInt.self).prefix(found.count).map {
                OwnedDescriptor($0, calls)
            }
        }
        for refused in all.dropFirst(limit) { refused.close() }
        return Reception(
            result: result, bytes: bytes, descriptors: Array(all.prefix(limit)),
            refusedCount: max(all.count - limit, 0), hasLost: found.lost)
    }
}
