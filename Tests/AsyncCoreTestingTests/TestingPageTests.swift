import AsyncCore
import AsyncCoreTestSupport
import AsyncCoreTesting
import Glibc
import Testing

/// The examples of docs/testing.md, as they stand there.
@Suite(.watched)
struct TestingPageTests {
    @Test func `a client gives up after three tries`() async throws {
        try await withVirtualTime {
            let client = Client(retryAfter: .seconds(60))
            await #expect(throws: ClientError.noAnswer) { try await client.ask() }
            #expect(VirtualTime.now == .seconds(180))
        }
    }

    @Test(.virtualTime) func `a lease is renewed every ten minutes`() async throws {
        let lease = Lease()
        let keeper = spawn { try await lease.keep() }
        try await sleep(for: .seconds(3_630))
        keeper.cancel()
        #expect(lease.renewals == 6)
    }

    @Test(.virtualTime) func `time is held for other threads`() async throws {
        let service = Service()
        let worker = Task { try await service.checksum() }
        let checksum = try await VirtualTime.hold { try await worker.value }
        #expect(checksum == 7)
    }

    @Test func `time by hand`() async throws {
        var options = VirtualTime.Options()
        options.jumps = false
        try await withVirtualTime(options) {
            let cache = Cache(lifetime: .seconds(30))
            cache.put("key", "value")
            try await VirtualTime.advance(by: .seconds(29))
            #expect(cache.get("key") == "value")
            try await VirtualTime.advance(by: .seconds(1))
            #expect(cache.get("key") == nil)
        }
    }

    @Test(.virtualTime) func `until all are blocked`() async throws {
        let semaphore = try AsyncSemaphore(0)
        let waiters = (0..<3).map { _ in spawn { try await semaphore.acquire() } }
        try await waitUntilAllBlocked()
        #expect(semaphore.statistics.waiting == 3)
        for waiter in waiters { waiter.cancel() }
    }

    @Test func `no money is made or lost`() async throws {
        try await withSeeds { seed in
            var random = SeededGenerator(seed: seed)
            let bank = Bank(accounts: 3, each: 100)
            let transfers = (0..<10).map { _ in
                let (from, to) = (random.below(3), random.below(3))
                return spawn { try await bank.transfer(1, from: from, to: to) }
            }
            for transfer in transfers { try await transfer.value }
            #expect(bank.total == 300)
        }
    }

    @Test(.virtualTime) func `one order in particular`() async throws {
        let sequencer = Sequencer()
        let door = Door()
        let visitor = spawn {
            try await sequencer.run(at: 0) { door.open() }
            try await sequencer.run(at: 2) {
                #expect(throws: DoorError.locked) { try door.enter() }
            }
        }
        try await sequencer.run(at: 1) { door.lock() }
        try await visitor.value
    }

    @Test(.virtualTime) func `does it suspend`() async throws {
        let semaphore = try AsyncSemaphore(1)
        try await expectDoesNotSuspend { try await semaphore.acquire() }
        spawn { try semaphore.release() }
        try await expectSuspends { try await semaphore.acquire() }
    }

    @Test func `every example of the page is compiled here`() throws {
        let here = "\(#filePath)"
        let source = Self.lines(of: here)
        var folder = here
        for _ in 0..<3 { folder = String(folder[..<folder.lastIndex(of: "/")!]) }
        let page = Self.lines(of: folder + "/docs/testing.md")
        var blocks = 0
        var index = 0
        while let start = page[index...].firstIndex(of: "```swift") {
            let end = try #require(page[start...].firstIndex(of: "```"))
            let block = page[(start + 1)..<end].filter { !$0.isEmpty }
            let isHere = source.indices.contains { source[$0...].starts(with: block) }
            #expect(isHere, "\(block.joined(separator: "\n"))")
            blocks += 1
            index = end + 1
        }
        #expect(blocks == 8)
    }

    /// The lines of a file that have something on them, without the blanks around it.
    private static func lines(of path: String) -> [Substring] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte >= 0 { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            line.drop { $0 == " " }
        }.filter { !$0.isEmpty }
    }
}

// MARK: - What the examples test

/// Asks three times, and waits after each.
private struct Client {
    let retryAfter: Duration

    func ask() async throws {
        for _ in 0..<3 { try await sleep(for: retryAfter) }
        throw ClientError.noAnswer
    }
}

private enum ClientError: Error { case noAnswer }

private final class Lease: @unchecked Sendable {
    // Used on one loop.
    private(set) var renewals = 0

    func keep() async throws {
        while true {
            try await sleep(for: .seconds(600))
            renewals += 1
        }
    }
}

private struct Service {
    func checksum() async throws -> Int { 7 }
}

private final class Cache: @unchecked Sendable {
    // Used on one loop.
    private let lifetime: Duration
    private var values: [String: String] = [:]

    init(lifetime: Duration) { self.lifetime = lifetime }

    func put(_ key: String, _ value: String) {
        values[key] = value
        spawn {
            try await sleep(for: self.lifetime)
            self.values[key] = nil
        }
    }

    func get(_ key: String) -> String? { values[key] }
}

private final class Bank: @unchecked Sendable {
    // Used on one loop; a transfer has the bank to itself.
    private var balances: [Int]
    private let turn: AsyncSemaphore?

    init(accounts: Int, each: Int) {
        balances = Array(repeating: each, count: accounts)
        turn = try? AsyncSemaphore(1)
    }

    var total: Int { balances.reduce(0, +) }

    func transfer(_ amount: Int, from: Int, to: Int) async throws {
        try await turn?.withPermit {
            let (left, right) = (balances[from], balances[to])
            if from == to { return }
            try await yield()
            balances[from] = left - amount
            balances[to] = right + amount
        }
    }
}

private final class Door: @unchecked Sendable {
    // Used on one loop.
    private var isLocked = true

    func open() { isLocked = false }
    func lock() { isLocked = true }
    func enter() throws { if isLocked { throw DoorError.locked } }
}

private enum DoorError: Error { case locked }
