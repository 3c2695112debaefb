// One buffer a loop, for reads whose size is not known beforehand.
internal import CEventLoop

/// Memory into which a loop reads before it knows how many bytes there are.
///
/// An array as large as the caller allows, for a message that is small, would cost more than
/// copying the message. The buffer is the loop's, used between two lines of code, and holds nothing
/// in between.
@safe
final class ScratchBuffer {
    // SAFETY: `memory` is nil, or allocated with `capacity` bytes; freed when it is replaced and in
    // deinit; used by the loop's thread only.

    static let size = 65_536

    /// How much is kept at most: what a batch of datagrams gets.
    ///
    /// Only what the kernel has written to takes memory.
    static let largest = 64 * size

    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0

    deinit { unsafe memory?.deallocate() }

    /// A loop that never reads this way pays nothing.
    private func allocated(_ count: Int = size) -> UnsafeMutableRawPointer {
        if let memory = unsafe memory, count <= capacity { return unsafe memory }
        unsafe self.memory?.deallocate()
        capacity = max(count, Self.size)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        unsafe self.memory = memory
        return unsafe memory
    }

    /// Lends memory of that size, ``largest`` at most, for the length of the call.
    func withMemory<R>(_ count: Int, _ body: (UnsafeMutableRawPointer) -> R) -> R {
        precondition(count <= Self.largest, "\(count) bytes of the loop's buffer")
        return unsafe body(allocated(count))
    }

    /// Sends at most `count` bytes of a file from `offset` on: the number of bytes that were read, or
    /// `-errno`; and of those that the socket took.
    ///
    /// What it did not take is to be read again.
    func send(
        _ file: CInt, from offset: UInt64, upTo count: Int, to descriptor: CInt,
        _ calls: SystemCalls
    ) -> (read: Int, sent: Int) {
        let memory = unsafe allocated()
        let read = unsafe cel_file_read(
            calls.table, file, memory, min(count, Self.size), offset)
        if read <= 0 { return (read, 0) }
        return (read, unsafe cel_socket_send(calls.table, descriptor, memory, read))
    }

    /// Receives at most `count` bytes: the bytes, and their number or `-errno`.
    func receive(
        _ descriptor: CInt, upTo count: Int, _ stop: inout Socket.Stop, _ calls: SystemCalls
    ) -> (bytes: [UInt8], result: Int) {
        unsafe receive(upTo: count) { memory, room in
            unsafe Socket.receive(descriptor, memory, room, &stop, calls)
        }
    }

    /// What `call` receives into the memory that it is given, of which it says how many bytes it has
    /// filled, or `-errno`.
    @inline(__always)
    func receive(
        upTo count: Int, _ call: (_ memory: UnsafeMutableRawPointer, _ room: Int) -> Int
    ) -> (bytes: [UInt8], result: Int) {
        let memory = unsafe allocated()
        let result = unsafe call(memory, min(count, Self.size))
        if result <= 0 { return ([], result) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: result) { buffer, initialized in
            // SAFETY: the call has just filled the first `result` bytes, and the array has room for as
            // many.
            unsafe buffer.baseAddress?.initialize(
                from: memory.assumingMemoryBound(to: UInt8.self), count: result)
            initialized = result
        }
        return (bytes, result)
    }
}
