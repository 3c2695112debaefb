// For how long threads have run a loop.

/// The time that threads have owned a loop, their waiting in the kernel included.
struct Ownership {
    private var past: UInt64 = 0
    private var start: UInt64?

    mutating func begin(at now: UInt64) { start = now }

    mutating func end(at now: UInt64) {
        past = total(at: now)
        start = nil
    }

    func total(at now: UInt64) -> UInt64 {
        guard let start, now > start else { return past }
        return past + (now - start)
    }
}
