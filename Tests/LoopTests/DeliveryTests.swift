import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What ends while a batch of events is delivered.
@Suite(.watched)
struct DeliveryTests {
    /// Ends registrations, its own too, when it is told of an event.
    private final class Target: CompletionTarget {
        var ends: [() -> Void] = []
        var told = 0
        var received = 0

        override func becameReady(_ readiness: Readiness) -> Bool {
            told += 1
            let ends = ends
            self.ends = []
            for end in ends { end() }
            return true
        }

        override func receive() { received += 1 }
    }

    private struct Watched {
        let poller: Poller
        weak var target: Target?
        let token: WatchToken
        let descriptor: CInt

        init(_ poller: Poller) throws {
            self.poller = poller
            let target = Target()
            self.target = target
            descriptor = script_event(true)
            token = try poller.watch(descriptor, target: target)
        }

        func end() {
            guard let target else { return }
            poller.unwatch(token, target: target)
        }
    }

    @Test(arguments: [0, 1, 2, 3])
    func `a target that ends another's registration, or its own, is the last to be told`(ended: Int)
        throws
    {
        let poller = try Poller()
        let watched = try (0..<4).map { _ in try Watched(poller) }
        defer { for one in watched { close(one.descriptor) } }
        var isHeld = false
        for one in watched {
            one.target?.ends = [
                {
                    // Whoever is told first ends one; the others end nothing.
                    for other in watched { other.target?.ends = [] }
                    watched[ended].end()
                    isHeld = watched[ended].target != nil
                }
            ]
        }
        #expect(poller.poll(wait: false, watches: Target.self) == 4)
        #expect(isHeld, "its memory is gone before the delivery is over")
        #expect(watched[ended].target == nil, "it is held for longer than the delivery")
        for (number, one) in watched.enumerated() where number != ended {
            #expect(one.target?.told == 1)
            #expect(one.target?.received == 1)
            one.end()
        }
        #expect(poller.watchCount == 0)
    }

    @Test func `a registration that has ended is not told, nor received for`() throws {
        let poller = try Poller()
        let watched = try (0..<4).map { _ in try Watched(poller) }
        defer { for one in watched { close(one.descriptor) } }
        let targets = try watched.map { try #require($0.target) }
        for (number, target) in targets.enumerated() {
            target.ends = [{ for other in 0..<4 where other != number { watched[other].end() } }]
        }
        #expect(poller.poll(wait: false, watches: Target.self) == 4)
        #expect(targets.map(\.told).sorted() == [0, 0, 0, 1])
        #expect(targets.map(\.received).sorted() == [0, 0, 0, 1])
        for one in watched { one.end() }
        #expect(poller.watchCount == 0)
    }
}
