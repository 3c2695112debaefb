// Who may read or write, in which order: AsyncRWLock without its value.

/// Gives tasks access to something: several of them to read, or one to write.
///
/// Its word holds the number of readers, or the writer's number and a bit that no number reaches.
final class ReadWriteAccess: Sendable {
    enum Mode: Sendable { case read, write }

    struct Request: Sendable {
        let mode: Mode
        let task: TaskIdentity
    }

    /// Who has access, as the word tells.
    struct Holders {
        fileprivate static var writerBit: UInt { 1 << 62 }

        var word: UInt

        var writer: UInt { word & Self.writerBit == 0 ? 0 : word & ~Self.writerBit }
        var readers: Int { word & Self.writerBit == 0 ? Int(word) : 0 }
    }

    private struct State: Sendable {
        var waited: UInt64 = 0
        let queue = WaiterQueue<Request, Void>()
    }

    /// More readers than there can be tasks.
    static let mostReaders = Holders.writerBit - 1

    private let holders = FastWord(0)
    private let monitor = Monitor(State())
    private let maximumReaders: UInt

    init(maximumReaders: UInt) { self.maximumReaders = maximumReaders }

    /// Waits for access.
    nonisolated(nonsending) func acquire(_ mode: Mode) async throws {
        if let task = LoopCore.unhinderedTask, takeFree(Request(mode: mode, task: task)) { return }
        let request = Request(mode: mode, task: .running)
        try await monitor.wait(
            mode == .read ? "AsyncRWLock.withReadLock" : "AsyncRWLock.withWriteLock", request,
            hasLooked: true
        ) { state, _, place in
            try take(request, &state, place)
        } onLeave: { state, wakeups in
            // Those behind a writer may be readers, like those before it.
            serve(holders.shut(), &state, &wakeups)
        }
        // Cancelled after the hand-over, before it ran: the access goes on.
        if request.task.isCancelled {
            release(mode)
            throw CancellationError()
        }
    }

    func tryAcquire(_ mode: Mode) throws(LockError) -> Bool {
        guard let task = TaskIdentity.current else { throw .noTask }
        let request = Request(mode: mode, task: task)
        if takeFree(request) { return true }
        return try monitor.withLock { state throws(LockError) in
            try take(request, &state, nil) != nil
        }
    }

    func release(_ mode: Mode) {
        if holders.tryChange({ without(mode, $0) }) { return }
        monitor.withLock { state, wakeups in
            serve(without(mode, holders.shut()), &state, &wakeups)
        }
    }

    var statistics: (holders: Holders, waiting: Int, waited: UInt64) {
        monitor.withLock { state in
            (Holders(word: holders.value), state.queue.count, state.waited)
        }
    }

    /// The word with one more holder; nil if it would have to wait.
    @inline(__always)
    private func with(_ request: Request, _ word: UInt) -> UInt? {
        switch request.mode {
        case .read: word < maximumReaders ? word + 1 : nil
        case .write: word == 0 ? Holders.writerBit | request.task.ownerNumber : nil
        }
    }

    @inline(__always)
    private func without(_ mode: Mode, _ word: UInt) -> UInt {
        switch mode {
        case .read: word - 1
        case .write: 0
        }
    }

    @inline(__always)
    private func takeFree(_ request: Request) -> Bool { holders.tryChange { with(request, $0) } }

    // MARK: - Under the monitor's lock

    private func take(
        _ request: Request, _ state: inout State, _ place: WaiterQueue<Request, Void>.Place?
    ) throws(LockError) -> Void? {
        var word = holders.shut()
        defer { holders.put(word, staysShut: !state.queue.isEmpty) }
        if Holders(word: word).writer == request.task.ownerNumber { throw .alreadyOwner }
        if state.queue.isEmpty, let taken = with(request, word) {
            word = taken
            return ()
        }
        if let place {
            state.waited &+= 1
            state.queue.append(place)
        }
        return nil
    }

    /// Lets those in at the head of the queue that may come in together, and puts the word back.
    private func serve(_ word: UInt, _ state: inout State, _ wakeups: inout Wakeups) {
        var word = word
        while let first = state.queue.first, let taken = with(first.request, word) {
            state.queue.remove(first)
            if wakeups.grant(first, ()) { word = taken }
        }
        holders.put(word, staysShut: !state.queue.isEmpty)
    }
}
