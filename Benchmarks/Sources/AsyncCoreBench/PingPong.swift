/// Two tasks that wake each other, with nothing in between but a continuation.
///
/// Each turn a task puts its own continuation into the slot, resumes the one that it found there,
/// and suspends: a suspension and a resumption are one switch.
///
/// SAFETY of `@unchecked Sendable`: only one of the two tasks runs at a time, and the other's next
/// turn happens after the resume that ended this one. The first turn starts the second task.
final class PingPong: @unchecked Sendable {
    @exclusivity(unchecked) private var waiting: UnsafeContinuation<Void, Never>?

    /// One task's part.
    ///
    /// - Parameters:
    ///   - turns: how often this task gives way.
    ///   - first: starts the peer; called in the first turn, after the slot has been filled.
    func play(turns: Int, first startPeer: (() -> Void)? = nil) async {
        await withUnsafeContinuation { continuation in
            swapIn(continuation)?.resume()
            startPeer?()
        }
        for _ in 1..<turns {
            await withUnsafeContinuation { continuation in
                swapIn(continuation)?.resume()
            }
        }
        // Whoever ends first leaves the other one waiting.
        let last = waiting
        waiting = nil
        last?.resume()
    }

    @inline(__always)
    private func swapIn(
        _ continuation: UnsafeContinuation<Void, Never>
    ) -> UnsafeContinuation<Void, Never>? {
        let peer = waiting
        waiting = continuation
        return peer
    }
}
