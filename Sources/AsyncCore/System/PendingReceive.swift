// A receive that a loop does for a task.

/// What a task that waits to read will receive, and what was received for it.
///
/// A task that was woken would ask the kernel first of all. Its loop does so for all that it wakes, one after
/// another, as a proactor does (Douglas Schmidt and others, *Pattern-Oriented Software Architecture 2*); a
/// task that waits still has no memory, as the bytes go into the loop's pool.
///
/// What was received is one reference to a piece of the pool: whoever takes it takes that over.
struct PendingReceive {
    private var bytes = PooledBytes.Kept()
    /// The number of bytes, or `-errno`.
    private var result: Int32 = 0
    /// How many bytes the task will take; 0 if nothing is to be received for it.
    private(set) var room: UInt32 = 0
    private(set) var isDone = false

    /// Has at most `count` bytes received when the wait has ended.
    @inline(__always)
    mutating func expect(upTo count: Int) { room = UInt32(count) }

    /// Keeps what was received.
    @inline(__always)
    mutating func finish(_ bytes: PooledBytes.Kept, _ result: Int) {
        self.bytes = bytes
        self.result = Int32(result)
        room = 0
        isDone = true
    }

    /// Hands out what was received, to be taken over once; expects no more.
    @inline(__always)
    mutating func take() -> (bytes: PooledBytes.Kept, result: Int)? {
        room = 0
        if !isDone { return nil }
        isDone = false
        return (bytes, Int(result))
    }
}
