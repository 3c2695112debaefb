// A file on its way to a socket.
internal import CEventLoop
internal import Glibc

/// A part of a file that is sent slice by slice, by the kernel alone or, where it refuses, by way of
/// memory.
struct FileTransfer {
    // SAFETY: the calls to C take numbers, and the table, which outlives them.

    /// What came of a slice.
    enum Step: Equatable {
        case sent(Int)
        /// The socket takes nothing now.
        case full
        /// The file, or the part of it, has no more.
        case atEnd
    }

    /// Why a slice could not be sent.
    struct Failure: Error {
        let error: SystemError
        /// Whether it is the file that cannot be read, not the socket that cannot be written.
        let isOfFile: Bool
    }

    private let file: CInt
    private var offset: UInt64
    private var left: UInt64
    private var goesByMemory = false

    /// How many bytes have been sent.
    private(set) var sent: UInt64 = 0

    /// - Parameters:
    ///   - file: The file, which somebody keeps open.
    ///   - offset: Where to begin; at most `Int64.max`.
    ///   - count: How much to send; nil for all.
    init(_ file: CInt, from offset: UInt64, count: UInt64?) {
        self.file = file
        self.offset = offset
        left = min(count ?? .max, UInt64(Int64.max) - offset)
    }

    /// How many bytes one call moves at most: a turn of the loop does no more for one descriptor.
    static let slice = 262_144

    /// Sends the next slice, as far as the socket takes it now.
    mutating func send(
        to descriptor: CInt, _ scratch: ScratchBuffer, _ calls: SystemCalls
    ) throws(Failure) -> Step {
        if left == 0 { return .atEnd }
        let count = Int(min(left, UInt64(Self.slice)))
        if !goesByMemory {
            let result = unsafe cel_transfer_file(calls.table, descriptor, file, offset, count)
            if !Self.isRefusal(result) { return try advance(result) }
            // From here on, whatever was refused may be right for read and send; if it is not, they
            // know whose fault it is.
            goesByMemory = true
        }
        let (read, taken) = scratch.send(file, from: offset, upTo: count, to: descriptor, calls)
        if read < 0 { throw Failure(error: SystemError(errno: CInt(-read)), isOfFile: true) }
        return read == 0 ? .atEnd : try advance(taken)
    }

    /// Whether the kernel cannot send this file to this socket by itself, or cannot read it.
    private static func isRefusal(_ result: Int) -> Bool {
        switch CInt(truncatingIfNeeded: -result) {
        case EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE, EBADF, EISDIR, EIO: true
        default: false
        }
    }

    private mutating func advance(_ result: Int) throws(Failure) -> Step {
        if result > 0 {
            offset += UInt64(result)
            left -= UInt64(result)
            sent += UInt64(result)
            return .sent(result)
        }
        if result == 0 { return .atEnd }
        let error = SystemError(errno: CInt(-result))
        if error.wouldBlock { return .full }
        throw Failure(error: error, isOfFile: false)
    }
}
