// Sending several pieces with one system call.
internal import CEventLoop
internal import Glibc

/// Pieces that are sent one after the other, and how far that has come.
struct SocketPieces {
    // SAFETY: each pointer is used while the closure of its piece is open, of which the call to C is
    // the innermost; C keeps none of them, and the kernel only reads. `iovec` is trivial, so it can
    // be assigned without initialising. The rest of a piece is not empty, so it has an address.

    private let pieces: [[UInt8]]
    // The piece that is next, and where its rest begins. It has a rest, or there is no piece.
    private var index = 0
    private var start = 0

    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        skipEmpty()
    }

    var isEmpty: Bool { index == pieces.count }

    /// Notes that so many bytes have gone out.
    mutating func advance(by count: Int) {
        var left = count
        while left > 0 {
            let step = min(left, pieces[index].count - start)
            left -= step
            start += step
            skipEmpty()
        }
    }

    private mutating func skipEmpty() {
        while index < pieces.count, start == pieces[index].count {
            index += 1
            start = 0
        }
    }

    /// How many pieces one call takes.
    ///
    /// Fewer than the kernel's 1,024: each takes a closure on the stack.
    static let most = 64

    /// Sends what the kernel takes now of the next pieces: the number of bytes taken or `-errno`, and
    /// how many were offered.
    ///
    /// Never raises SIGPIPE.
    func send(_ descriptor: CInt, _ calls: SystemCalls) -> (result: Int, offered: Int) {
        unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.most) { vectors in
            unsafe collect(self, vectors, 0, 0, descriptor, calls)
        }
    }

    private func collect(
        _ rest: SocketPieces, _ vectors: UnsafeMutableBufferPointer<iovec>, _ count: Int,
        _ offered: Int, _ descriptor: CInt, _ calls: SystemCalls
    ) -> (result: Int, offered: Int) {
        if rest.isEmpty || count == Self.most {
            let result = unsafe cel_socket_send_pieces(
                calls.table, descriptor, vectors.baseAddress, count)
            return (result, offered)
        }
        return unsafe pieces[rest.index].withUnsafeBytes { bytes in
            let size = bytes.count - rest.start
            unsafe vectors[count] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress).map {
                    unsafe $0 + rest.start
                }, iov_len: size)
            var next = rest
            next.index += 1
            next.start = 0
            next.skipEmpty()
            return unsafe collect(next, vectors, count + 1, offered + size, descriptor, calls)
        }
    }
}
