// What the owner of a socket notes of how it is being used.

/// What a socket's owner must remember from one call to the next.
struct SocketUse {
    /// A task is reading, or accepting: from before its first call to after its last.
    var isReading = false
    /// A task is writing.
    var isWriting = false
    var hasFinishedWriting = false
    /// The last read filled more than half of what it was given: the next one gets its memory
    /// at once.
    var readsInBulk = false
    /// The last read brought so much that the next one is better done by the task itself, into memory
    /// that is near.
    var receivesMuch = false
    /// Whether the kernel was asked if it cuts an array into datagrams.
    var knowsSegmentLimit = false
    /// The largest of which the kernel cuts an array on the ways that were tried; 0 for none.
    var segmentLimit = UInt16.max
}
