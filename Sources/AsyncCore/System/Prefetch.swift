// Memory that will be looked at soon.
internal import CEventLoop

/// Hints for the processor; they change nothing else.
enum Prefetch {
    /// Asks for some bytes.
    ///
    /// The address need not be a good one.
    @inline(__always)
    static func memory(at address: UnsafeRawPointer, count: Int) {
        // SAFETY: nothing is read.
        unsafe cel_prefetch(address, count)
    }

    /// The same for an address that may be 0.
    @inline(__always)
    static func memory(at address: UInt, count: Int) {
        guard let address = unsafe UnsafeRawPointer(bitPattern: address) else { return }
        unsafe memory(at: address, count: count)
    }
}
