import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@testable import AsyncCore

@Suite(.watched)
struct ChannelInterleavingTests {
    private typealias Reservation = Channel<Int>.Reservation

    /// What the tasks of one run share. They are all on one loop.
    private final class Run: @unchecked Sendable {
        // Used by tasks of one loop only.
        let statistics: () -> Channel<Int>.Statistics
        var random: SplitMix64
        var tasks: [TaskHandle<Void, any Error>] = []
        var sent: [Int] = []
        var received: [Int] = []
        var cancellations = 0
        var next = 0

        init(seed: UInt64, _ statistics: @escaping () -> Channel<Int>.Statistics) {
            random = SplitMix64(seed: seed)
            self.statistics = statistics
        }

        func number() -> Int {
            next += 1
            return next
        }

        /// Now and then. More often, few tasks would live long enough to meet.
        func cancelSomebody() {
            if random.below(8) > 0 { return }
            cancellations += 1
            tasks[random.below(tasks.count)].cancel()
        }
    }

    private static func send(
        _ run: Run, through sender: Channel<Int>.Sender, capacity: Int
    ) async throws {
        var slots: Reservation?
        for _ in 0..<20 {
            let number = run.number()
            switch run.random.below(9) {
            case 0, 1:
                // Whoever holds slots must not wait for others who do.
                if slots != nil { continue }
                try await sender.send(number)
                run.sent.append(number)
            case 2: if try sender.trySend(number) { run.sent.append(number) }
            case 3:
                if slots != nil || capacity == 0 { continue }
                slots = try await sender.reserve(run.random.below(capacity + 1))
            case 4: if slots == nil, capacity > 0 { slots = try sender.tryReserve() }
            case 5, 6:
                guard let held = slots, held.count > 0 else { continue }
                try held.send(number)
                run.sent.append(number)
            case 7: slots = nil
            default:
                run.cancelSomebody()
                try await yield()
            }
        }
    }

    private static func receive(_ run: Run, from receiver: Channel<Int>.Receiver) async throws {
        for _ in 0..<20 {
            switch run.random.below(6) {
            case 0, 1, 2: run.received.append(try await receiver.receive())
            case 3: if let number = try receiver.tryReceive() { run.received.append(number) }
            case 4: run.received += try await receiver.receive(upTo: 3)
            default:
                run.cancelSomebody()
                try await yield()
            }
        }
    }

    private static func play(seed: UInt64) async throws -> (sent: Int, cancellations: Int) {
        let capacity = Int(seed % 4)
        let (sender, receiver) = Channel<Int>.make(capacity: capacity)
        let run = Run(seed: seed) { receiver.statistics }
        for index in 0..<Int(4 + seed % 6) {
            let (own, other) = (try sender.clone(), try receiver.clone())
            run.tasks.append(
                spawn {
                    do {
                        if index % 2 == 0 {
                            try await send(run, through: own, capacity: capacity)
                        } else {
                            try await receive(run, from: other)
                        }
                    } catch is CancellationError {} catch is ChannelError {}
                })
        }
        sender.close()
        try await waitUntilAllBlocked()
        // Whoever waits now waits in vain, and for a reason.
        let standing = run.statistics()
        #expect(standing.waitingReceivers == 0 || standing.waitingSenders == 0)
        #expect(standing.waitingReceivers == 0 || standing.buffered == 0)
        #expect(standing.buffered + standing.reserved <= capacity)
        receiver.refuseFurther()
        for task in run.tasks { try await task.value }
        run.tasks = []
        while let number = try? receiver.tryReceive() { run.received.append(number) }
        #expect(throws: ChannelError.endOfChannel) { try receiver.tryReceive() }
        #expect(run.received.sorted() == run.sent.sorted())
        #expect(run.statistics().reserved == 0)
        return (run.sent.count, run.cancellations)
    }

    @Test func `random steps of many tasks lose no element, and double none (S113, S122, L1, L2)`()
        async throws
    {
        let totals = Recorder<(sent: Int, cancellations: Int)>()
        try await withSeeds { seed in totals.append(try await Self.play(seed: seed)) }
        let sent = totals.elements.reduce(0) { $0 + $1.sent }
        let cancellations = totals.elements.reduce(0) { $0 + $1.cancellations }
        let seeds = totals.count
        #expect(
            2 * cancellations > seeds && sent > 8 * seeds, "too tame: \(sent), \(cancellations)")
    }

    /// What happens in the race below.
    private enum Step: CaseIterable {
        case cancelReceiver, cancelSender, receive, send, close, turn
    }

    @Test func `all orders of cancellations, hand-overs and a close keep the count (S104, L2)`()
        async throws
    {
        for capacity in 0...1 {
            for first in Step.allCases {
                for second in Step.allCases {
                    for third in Step.allCases { try await race(capacity, [first, second, third]) }
                }
            }
        }
    }

    private func race(_ capacity: Int, _ steps: [Step]) async throws {
        try await onLoop {
            let (sender, receiver) = Channel<Int>.make(capacity: capacity)
            // One receives, and has it already if there is a buffer; the others wait to send.
            let sending = (0..<3).map { number in spawn { try await sender.send(number) } }
            try await settle(3)
            let receiving = spawn { [try await receiver.receive(), try await receiver.receive()] }
            var sent = 0
            var got = 0
            for step in steps {
                switch step {
                case .cancelReceiver: receiving.cancel()
                case .cancelSender: sending[1].cancel()
                case .receive: if (try? receiver.tryReceive()) ?? nil != nil { got += 1 }
                case .send: if (try? sender.trySend(9)) == true { sent += 1 }
                case .close: sender.close()
                case .turn: try await settle(3)
                }
            }
            try await settle(10)
            receiving.cancel()
            sender.close()
            sent += await gatherResults(sending).count { (try? $0.get()) != nil }
            let left = sender.statistics
            // What the receiving task had got when it was cancelled is gone with it.
            let pair = try? await receiving.value
            let lost = Int(left.sent) - left.buffered - got - (pair?.count ?? 0)
            #expect(sent == Int(left.sent), "\(capacity) \(steps)")
            #expect(pair == nil ? (0...1).contains(lost) : lost == 0, "\(capacity) \(steps)")
            withExtendedLifetime(receiver) {}
        }
    }
}
