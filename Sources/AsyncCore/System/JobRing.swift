// The queue of ready jobs: a ring of words that grows and never calls out.

/// A job that is ready to run, and the executor it was enqueued on, in one word.
///
/// Invariant: a job is made into a `ReadyJob` once, when it is enqueued, and run once, by whoever
/// takes it out; nothing reads it in between.
struct ReadyJob: BitwiseCopyable, Sendable {
    enum Executor: UInt {
        case task = 0
        case serial = 1
        case main = 2
        /// None of the loop's: a job that the runtime made for itself.
        case none = 3
    }

    private let bits: UInt

    init(_ job: UnownedJob, on executor: Executor) {
        // SAFETY: an UnownedJob is one pointer to an object of the runtime, aligned to 16 bytes.
        bits = unsafe unsafeBitCast(job, to: UInt.self) | executor.rawValue
    }

    var executor: Executor { Executor(rawValue: bits & 3) ?? .task }

    var address: UInt { bits & ~3 }

    var job: UnownedJob {
        // SAFETY: the word was made from an UnownedJob in init; the tag is taken off again.
        unsafe unsafeBitCast(bits & ~3, to: UnownedJob.self)
    }
}

/// A first-in, first-out ring of jobs.
///
/// Not synchronised: its owner is one thread.
///
/// Appending is amortised O(1). The memory stays at the high-water mark, divided by what
/// ``shrinkIfSparse()`` gives back.
@safe
struct JobRing: ~Copyable {
    // SAFETY: `slots` has `mask + 1` initialised words, always a power of two; `head` and `count`
    // stay within it; it is freed once, in deinit.
    private var slots: UnsafeMutablePointer<ReadyJob>
    private var mask: Int
    private var head = 0
    private(set) var count = 0

    private static let minimumCapacity = 256

    init() {
        unsafe slots = .allocate(capacity: Self.minimumCapacity)
        mask = Self.minimumCapacity - 1
    }

    deinit { unsafe slots.deallocate() }

    var isEmpty: Bool { @inline(__always) get { count == 0 } }

    @inline(__always)
    mutating func append(_ job: ReadyJob) {
        if count > mask { resize(to: (mask + 1) * 2) }
        unsafe slots[(head &+ count) & mask] = job
        count &+= 1
    }

    @inline(__always)
    mutating func popFirst() -> ReadyJob? {
        if count == 0 { return nil }
        let job = unsafe slots[head]
        head = (head &+ 1) & mask
        count &-= 1
        return job
    }

    /// The job at `offset` from the front; the last one, if there are fewer.
    ///
    /// Precondition: there is a job.
    @inline(__always)
    func peek(at offset: Int) -> ReadyJob {
        unsafe slots[(head &+ min(offset, count &- 1)) & mask]
    }

    /// Takes out the job at `offset` from the front; the first job takes its place.
    mutating func pop(at offset: Int) -> ReadyJob? {
        if offset >= count { return nil }
        let first = unsafe slots[head]
        let index = (head &+ offset) & mask
        let job = unsafe slots[index]
        unsafe slots[index] = first
        head = (head &+ 1) & mask
        count &-= 1
        return job
    }

    func forEach(_ body: (ReadyJob) -> Void) {
        for offset in 0..<count { body(unsafe slots[(head &+ offset) & mask]) }
    }

    /// Gives memory back after a burst: to be called when the loop is about to sleep.
    mutating func shrinkIfSparse() {
        if mask + 1 > Self.minimumCapacity * 16 && count < (mask + 1) / 8 {
            resize(to: (mask + 1) / 4)
        }
    }

    private mutating func resize(to capacity: Int) {
        let fresh = UnsafeMutablePointer<ReadyJob>.allocate(capacity: capacity)
        for index in 0..<count {
            unsafe (fresh + index).initialize(to: slots[(head &+ index) & mask])
        }
        unsafe slots.deallocate()
        unsafe slots = fresh
        mask = capacity - 1
        head = 0
    }
}
