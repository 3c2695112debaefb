// Pipes for splices, lent and kept.

/// The pipes of a loop: those that are in use are lent, some are kept for the next who needs one.
///
/// Owner thread only. Pipes are kept for as long as somebody splices: a loop that does not has none.
final class PipePool {
    /// How many pipes there are at most: beyond that, bytes are copied.
    static let limit = 64

    /// How many are kept that nobody uses.
    static let idleLimit = 8

    private let calls: SystemCalls
    private var idle: [TransferPipe] = []
    private(set) var lent = 0
    private var users = 0

    init(_ calls: SystemCalls) { self.calls = calls }

    deinit { closeIdle() }

    /// How many pipes are kept.
    var idleCount: Int { idle.count }

    /// Somebody begins to splice.
    func enter() { users += 1 }

    /// Somebody has ended.
    func leave() {
        users -= 1
        if users == 0 { closeIdle() }
    }

    /// An empty pipe; nil if there are enough, or the kernel makes none.
    func take() -> TransferPipe? {
        if let pipe = idle.popLast() {
            lent += 1
            return pipe
        }
        if lent >= Self.limit { return nil }
        guard let pipe = try? TransferPipe(calls) else { return nil }
        lent += 1
        return pipe
    }

    /// Takes a pipe back; one that is not empty is closed, with its bytes.
    func takeBack(_ pipe: TransferPipe) {
        lent -= 1
        if pipe.count == 0, users > 0, idle.count < Self.idleLimit {
            idle.append(pipe)
        } else {
            pipe.close(calls)
        }
    }

    private func closeIdle() {
        for pipe in idle { pipe.close(calls) }
        idle = []
    }
}
