import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// The order and the moments of attempts: RFC 8305, without a socket.
@Suite(.watched)
struct ConnectRaceTests {
    private typealias Race = ConnectRace<Int>

    private static let six = try! (1...3).map { try SocketAddress("2001:db8::\($0)", port: 80) }
    private static let four = try! (1...3).map { try SocketAddress("192.0.2.\($0)", port: 80) }
    private static let millisecond: UInt64 = 1_000_000

    private struct Refused: Error, Equatable {}

    private static func race(
        _ six: [SocketAddress]?, _ four: [SocketAddress]?, now: UInt64 = 0
    ) -> Race {
        var race = Race(TCPStream.ConnectOptions())
        race.resolved(.ipv6, six.map { .success($0) } ?? .failure(Refused()), now: now)
        race.resolved(.ipv4, four.map { .success($0) } ?? .failure(Refused()), now: now)
        return race
    }

    /// What is to be done, in short.
    private static func step(_ race: inout Race, at now: UInt64) -> String {
        switch race.next(now: now) {
        case .answer(.attempt(let address)): address.host
        case .answer(.won(let connection)): "won \(connection)"
        case .answer(.lost): "lost"
        case .later(Monotonic.never): "wait"
        case .later(let deadline): "wait until \(deadline / millisecond) ms"
        }
    }

    @Test func `families take turns, the preferred one first (S480)`() {
        var race = Self.race(Self.six, Self.four)
        var order: [String] = []
        for attempt in 0..<6 {
            order.append(Self.step(&race, at: UInt64(attempt) * 250 * Self.millisecond))
        }
        #expect(
            order == [
                "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3",
                "192.0.2.3",
            ])
        #expect(Self.step(&race, at: 0) == "wait")
    }

    @Test func `the next begins after the delay, or at once when one fails (S481)`() {
        var race = Self.race(Self.six, Self.four)
        #expect(Self.step(&race, at: 0) == "2001:db8::1")
        #expect(Self.step(&race, at: 0) == "wait until 250 ms")
        #expect(Self.step(&race, at: 250 * Self.millisecond - 1) == "wait until 250 ms")
        #expect(Self.step(&race, at: 250 * Self.millisecond) == "192.0.2.1")
        race.failed(Self.six[0], Refused())
        #expect(Self.step(&race, at: 251 * Self.millisecond) == "2001:db8::2")
        #expect(Self.step(&race, at: 251 * Self.millisecond) == "wait until 501 ms")
    }

    @Test func `addresses of the other family wait a little for the preferred ones (S486)`() {
        var race = Race(TCPStream.ConnectOptions())
        #expect(Self.step(&race, at: 0) == "wait")
        race.resolved(.ipv4, .success(Self.four), now: 10 * Self.millisecond)
        #expect(Self.step(&race, at: 10 * Self.millisecond) == "wait until 60 ms")
        var late = race
        race.resolved(.ipv6, .success(Self.six), now: 20 * Self.millisecond)
        #expect(Self.step(&race, at: 20 * Self.millisecond) == "2001:db8::1")

        #expect(Self.step(&late, at: 60 * Self.millisecond) == "192.0.2.1")
        late.resolved(.ipv6, .success(Self.six), now: 70 * Self.millisecond)
        #expect(Self.step(&late, at: 70 * Self.millisecond) == "wait until 310 ms")
        late.failed(Self.four[0], Refused())
        #expect(Self.step(&late, at: 80 * Self.millisecond) == "2001:db8::1")
    }

    @Test func `a host with one family only is tried at once (S488)`() {
        var four = Self.race(nil, Self.four)
        #expect(Self.step(&four, at: 0) == "192.0.2.1")
        var six = Race(TCPStream.ConnectOptions())
        six.resolved(.ipv6, .success(Self.six), now: 0)
        #expect(Self.step(&six, at: 0) == "2001:db8::1")
        var none = Self.race(nil, nil)
        #expect(Self.step(&none, at: 0) == "lost")
        #expect(none.failures.count == 2)
    }

    @Test func `when all have failed, and nothing can come, the race is lost`() {
        var race = Race(TCPStream.ConnectOptions())
        race.resolved(.ipv6, .success([Self.six[0]]), now: 0)
        #expect(Self.step(&race, at: 0) == "2001:db8::1")
        race.failed(Self.six[0], Refused())
        #expect(Self.step(&race, at: 0) == "wait")
        race.resolved(.ipv4, .success([Self.four[0]]), now: 0)
        #expect(Self.step(&race, at: 0) == "192.0.2.1")
        race.failed(Self.four[0], Refused())
        #expect(Self.step(&race, at: 0) == "lost")
        #expect(race.failures.map(\.address) == [Self.six[0], Self.four[0]])
    }

    @Test func `one wins; connections that come later are not wanted`() {
        var race = Self.race(Self.six, Self.four)
        _ = Self.step(&race, at: 0)
        _ = Self.step(&race, at: 250 * Self.millisecond)
        let wanted = [race.succeeded(1), race.succeeded(2)]
        #expect(wanted == [true, false])
        #expect(Self.step(&race, at: 0) == "won 1")
        let none = race.giveUp()
        #expect(none == nil)

        var abandoned = Self.race(Self.six, Self.four)
        _ = Self.step(&abandoned, at: 0)
        _ = abandoned.succeeded(3)
        let left = abandoned.giveUp()
        #expect(left == 3)
        var late = Self.race(Self.six, Self.four)
        _ = Self.step(&late, at: 0)
        _ = late.giveUp()
        let isWanted = late.succeeded(4)
        #expect(!isWanted)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `whatever comes when, each address is tried once, and the race ends`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var race = Race(TCPStream.ConnectOptions())
        var now: UInt64 = 0
        var unresolved: [SocketAddress.Family] = [.ipv6, .ipv4]
        var running: [SocketAddress] = []
        var tried: [SocketAddress] = []
        var expected: Set<SocketAddress> = []
        for _ in 0..<200 {
            now += UInt64.random(in: 0..<100, using: &random) * Self.millisecond
            switch Int.random(in: 0..<3, using: &random) {
            case 0 where !unresolved.isEmpty:
                let family = unresolved.remove(
                    at: Int.random(in: 0..<unresolved.count, using: &random))
                let all = family == .ipv6 ? Self.six : Self.four
                let some = Array(all.prefix(Int.random(in: 0...3, using: &random)))
                expected.formUnion(some)
                race.resolved(family, .success(some), now: now)
            case 1 where !running.isEmpty:
                let index = Int.random(in: 0..<running.count, using: &random)
                race.failed(running.remove(at: index), Refused())
            default:
                switch race.next(now: now) {
                case .answer(.attempt(let address)):
                    running.append(address)
                    tried.append(address)
                case .answer(.lost):
                    #expect(unresolved.isEmpty && running.isEmpty)
                    #expect(tried.count == expected.count && Set(tried) == expected)
                    return
                case .answer(.won): Issue.record("nobody connected")
                case .later(let deadline): #expect(deadline > now)
                }
            }
        }
        Issue.record("the race did not end")
    }
}
