// Copies between spans and arrays, and searches in them.
internal import Glibc

/// Copies of bytes, and searches for bytes.
@usableFromInline
enum Memory {
    // SAFETY: every pointer below is used inside the closure that it is valid in; places and counts
    // are checked against the buffers' sizes before.

    /// The bytes of a span, as an array of their own.
    static func array(of bytes: RawSpan) -> [UInt8] {
        // SAFETY: the buffer is valid inside the closure, and copied there.
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// The bytes of a span, as an array of their own.
    static func array(of bytes: Span<UInt8>) -> [UInt8] {
        // SAFETY: the buffer is valid inside the closure, and copied there.
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Where a buffer is; 0 if that is nowhere.
    @inline(__always)
    static func address(of buffer: borrowing MutableRawSpan) -> UInt {
        // SAFETY: nothing is done with the address but to ask the processor for its memory.
        unsafe buffer.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }

    /// Where that is what a function has captured; 0 if that is nothing.
    @inlinable @inline(__always)
    static func address<Success>(
        ofWhatIsCapturedBy function: @escaping () async throws -> Success
    ) -> UInt {
        // SAFETY: a value of function type is two words, of which this is the second. It is not followed.
        unsafe unsafeBitCast(function, to: (code: UInt, captured: UInt).self).captured
    }

    /// Copies `bytes` to the start of `buffer`, which is at least as long.
    static func copy(_ bytes: [UInt8], into buffer: inout MutableRawSpan) {
        copy(bytes, from: 0, count: bytes.count, into: &buffer)
    }

    /// Copies `bytes` to the start of `buffer`, which is at least as long.
    static func copy(_ bytes: RawSpan, into buffer: inout MutableRawSpan) {
        precondition(bytes.byteCount <= buffer.byteCount, "more bytes than there is room for")
        unsafe buffer.withUnsafeMutableBytes { target in
            // SAFETY: the target has room for all of them, as was just checked.
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    /// Copies a part of `bytes` to the start of `buffer`, which is at least as long as the part.
    static func copy(
        _ bytes: [UInt8], from start: Int, count: Int, into buffer: inout MutableRawSpan
    ) {
        precondition(count <= buffer.byteCount, "more bytes than there is room for")
        unsafe buffer.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                // SAFETY: the target has room for all of them, as was just checked; the slice
                // checks the source.
                unsafe target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
            }
        }
    }

    /// Where `byte` stands first, from `start` on.
    static func firstIndex(of byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int? {
        precondition(start <= bytes.count, "a search that begins behind the end")
        return unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, start < buffer.count else { return nil }
            let found = unsafe memchr(base + start, CInt(byte), buffer.count - start)
            return unsafe found.map { unsafe UnsafeRawPointer($0) - base }
        }
    }

    /// Where `pattern`, which is not empty, begins first, from `start` on.
    ///
    /// It looks for the pattern's first byte and compares from there: patterns are short.
    static func firstIndex(of pattern: [UInt8], in bytes: Span<UInt8>, from start: Int) -> Int? {
        precondition(!pattern.isEmpty, "a search for nothing")
        var place = start
        while place + pattern.count <= bytes.count,
            let found = firstIndex(of: pattern[0], in: bytes, from: place)
        {
            if found + pattern.count > bytes.count { return nil }
            let isEqual = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pattern.withUnsafeBytes { wanted in
                    guard let base = buffer.baseAddress, let other = wanted.baseAddress else {
                        return false
                    }
                    // SAFETY: both have `wanted.count` bytes from there, as was just checked.
                    return unsafe memcmp(base + found, other, wanted.count) == 0
                }
            }
            if isEqual { return found }
            place = found + 1
        }
        return nil
    }
}
