// Copies between spans and arrays.

/// Copies of bytes.
enum Memory {
    /// The bytes of a span, as an array of their own.
    static func array(of bytes: RawSpan) -> [UInt8] {
        // SAFETY: the buffer is valid inside the closure, and copied there.
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Copies `bytes` to the start of `buffer`, which is at least as long.
    static func copy(_ bytes: [UInt8], into buffer: inout MutableRawSpan) {
        precondition(bytes.count <= buffer.byteCount, "more bytes than there is room for")
        unsafe buffer.withUnsafeMutableBytes { target in
            // SAFETY: the target has room for all of them, as was just checked.
            unsafe target.copyBytes(from: bytes)
        }
    }
}
