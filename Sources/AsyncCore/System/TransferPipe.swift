// Pipes that carry bytes from one socket to another, which so never leave the kernel.
internal import CEventLoop
internal import Glibc

/// A pipe, and how many bytes are in it.
///
/// A number with duties, as a descriptor is: whoever has it gives it back to the pool, or has the
/// pool close it, once.
struct TransferPipe {
    // SAFETY: the calls to C take numbers, memory of their own for the time of the call, and the
    // table, which outlives them.

    private let readEnd: CInt
    private let writeEnd: CInt

    /// The bytes in the pipe.
    private(set) var count = 0

    /// How many bytes one call moves at most, and a pipe has room for: a turn of the loop does no
    /// more for one descriptor.
    static let slice = 262_144

    init(_ calls: SystemCalls) throws(SystemError) {
        var (readEnd, writeEnd): (CInt, CInt) = (-1, -1)
        _ = try check(unsafe cel_pipe_open(calls.table, CInt(Self.slice), &readEnd, &writeEnd))
        (self.readEnd, self.writeEnd) = (readEnd, writeEnd)
    }

    /// Moves what is there into the pipe, which is empty: the number of bytes, 0 at the end of the
    /// stream, or `-errno`.
    mutating func receive(from descriptor: CInt, _ calls: SystemCalls) -> Int {
        let result = unsafe cel_splice_receive(calls.table, descriptor, writeEnd, Self.slice)
        if result > 0 { count += result }
        return result
    }

    /// Moves what the socket takes now out of the pipe: the number of bytes or `-errno`.
    mutating func send(to descriptor: CInt, _ calls: SystemCalls) -> Int {
        let result = unsafe cel_splice_send(calls.table, readEnd, descriptor, count)
        if result > 0 { count -= result }
        return result
    }

    /// Takes all bytes out of the pipe, for a socket that refuses to be spliced to.
    mutating func readAll(_ calls: SystemCalls) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        while count > 0 {
            var result = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                guard let memory = buffer.baseAddress else { return }
                // SAFETY: the buffer has room for `count` bytes, of which read fills the first.
                result = unsafe cel_pipe_read(calls.table, readEnd, memory, count)
                initialized = max(result, 0)
            }
            if result < 0 { throw SystemError(errno: CInt(-result)) }
            precondition(result > 0, "a pipe has fewer bytes than went into it")
            count -= result
            all += bytes
        }
        return all
    }

    /// Closes both ends; what is in it is lost.
    func close(_ calls: SystemCalls) {
        Socket.close(readEnd, calls)
        Socket.close(writeEnd, calls)
    }
}

extension SystemError {
    /// Whether the kernel does not splice this kind of descriptor.
    var refusesSplice: Bool { errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP }
}
