// One array that goes out as many datagrams.
internal import CEventLoop

/// The datagrams that an array is cut into: all of one size, but the last, which may be shorter.
struct DatagramSegments {
    let bytes: [UInt8]

    /// How many bytes each has but the last; at least 1.
    let size: Int

    /// How many there are: none of no bytes.
    var count: Int { bytes.isEmpty ? 0 : (bytes.count - 1) / size + 1 }

    /// How many of them the kernel is given at once, to cut them itself; fewer than 2 if they are too
    /// large for that.
    var perMessage: Int { min(Int(CEL_SEGMENTS_MAX), Int(CEL_SEGMENTED_BYTES_MAX) / size) }

    /// Where the bytes of so many are, from one of them on, or of as many as there are.
    func range(from index: Int, _ count: Int) -> Range<Int> {
        // Together they may have more bytes than an Int can tell.
        let start = index * size
        let (length, isMore) = size.multipliedReportingOverflow(by: count)
        return start..<(isMore || length > bytes.count - start ? bytes.count : start + length)
    }
}
