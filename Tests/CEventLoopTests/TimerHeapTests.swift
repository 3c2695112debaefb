import CEventLoop
import CEventLoopTestSupport
import Glibc
import Testing

/// The heap against a naive model, at random; and its memory.
@Suite struct TimerHeapTests {
    /// A timer as the model knows it.
    struct Entry: Hashable {
        var deadline: UInt64
        var order: UInt64
        var user: UInt64
        var token: cel_token
    }

    @Test(arguments: 1...8)
    func `random adding, moving, removing and firing agrees with a sorted list (S303, S332, B17)`(
        seed: Int
    ) throws {
        var random = SplitMix(state: UInt64(seed))
        // What counts the timers wraps on the way.
        let loop = try TestLoop(clock: 1_000, firstGeneration: seed % 2 == 0 ? 1 : .max - 500)
        var now: UInt64 = 1_000
        var model: [UInt64: Entry] = [:]
        var order: UInt64 = 0
        var gone: [cel_token] = []

        for step in 0..<3_000 {
            order += 1
            let deadline = now + UInt64.random(in: 0..<40, using: &random)
            let victim = model.isEmpty ? nil : model.keys.sorted().randomElement(using: &random)
            switch (Int.random(in: 0..<10, using: &random), victim) {
            case (0...4, _), (5...8, nil):
                let user = UInt64(step)
                let token = try loop.addTimer(deadline, user: user)
                model[user] = Entry(deadline: deadline, order: order, user: user, token: token)
            case (5...6, let victim?):
                let token = try #require(model[victim]).token
                #expect(cel_timer_remove(loop.raw, token) == 0)
                model[victim] = nil
                gone.append(token)
            case (7...8, let victim?):
                let token = try #require(model[victim]).token
                #expect(cel_timer_move(loop.raw, token, deadline) == 0)
                model[victim]?.deadline = deadline
                model[victim]?.order = order
            default:
                now += 10
                script_set_clock(now)
                let expected = model.values.filter { $0.deadline <= now }
                    .sorted { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
                let fired = try loop.pollRaw(capacity: 4_096)
                try #require(fired.map(\.user) == expected.map(\.user))
                for entry in expected { model[entry.user] = nil }
                gone += fired.map(\.token)
            }
            try #require(cel_timer_count(loop.raw) == UInt32(model.count))
            try #require(
                cel_loop_next_deadline(loop.raw) == model.values.map(\.deadline).min() ?? .max)
        }
        for token in gone { #expect(cel_timer_remove(loop.raw, token) == -ENOENT) }
    }

    @Test
    func `a hundred thousand timers come out in order, and their memory goes back (S316, B17)`()
        throws
    {
        let loop = try TestLoop(clock: 1)
        var random = SplitMix(state: 42)
        for _ in 0..<100_000 {
            _ = try loop.addTimer(UInt64.random(in: 2...1_000_000, using: &random))
        }
        script_set_clock(2_000_000)
        let bytes = script_live_bytes()
        var fired = 0
        while cel_timer_count(loop.raw) > 0 {
            let before = cel_loop_next_deadline(loop.raw)
            fired += try loop.poll(capacity: 10_000).count
            #expect(cel_loop_next_deadline(loop.raw) >= before)
        }
        #expect(fired == 100_000)
        #expect(script_live_bytes() < bytes / 50)
    }

    @Test func `far-off timers that are removed do not pile up (S315, S316)`() throws {
        let loop = try TestLoop(clock: 1)
        for _ in 0..<50_000 {
            let token = try loop.addTimer(1_000_000_000_000)
            #expect(cel_timer_remove(loop.raw, token) == 0)
        }
        #expect(cel_timer_count(loop.raw) == 0)
        #expect(script_largest_block() < 16_384)
    }

    @Test func `compaction spares live timers, and old tokens stay stale afterwards (S316)`() throws
    {
        let loop = try TestLoop(clock: 1, firstGeneration: .max - 2)
        let kept = try loop.addTimer(100, user: 7)
        var stale: [cel_token] = []
        for _ in 0..<4 {
            let before = script_live_bytes()
            let tokens = try (0..<10_000).map { _ in try loop.addTimer(1_000_000) }
            #expect(script_live_bytes() > before + 300_000)
            for token in tokens { #expect(cel_timer_remove(loop.raw, token) == 0) }
            stale += tokens
        }
        #expect(script_live_bytes() < 50_000)
        #expect(Set(stale).count == 40_000)
        let replaced = try (0..<10_000).map { _ in try loop.addTimer(1_000_000) }
        #expect(Set(stale).isDisjoint(with: replaced))
        for token in stale { #expect(cel_timer_remove(loop.raw, token) == -ENOENT) }
        script_set_clock(20_000)
        #expect(try loop.pollRaw().map(\.token) == [kept])
    }

    @Test func `a heap that cannot give memory back goes on`() throws {
        let loop = try TestLoop(clock: 1)
        let tokens = try (0..<1_000).map { try loop.addTimer(UInt64($0)) }
        script_fail(SCRIPT_REALLOC, 1, 1_000, ENOMEM)
        defer { script_reset() }
        for token in tokens.dropFirst() { #expect(cel_timer_remove(loop.raw, token) == 0) }
        #expect(try loop.poll() == [.timer(0)])
    }

    @Test func `no memory for a timer: nothing was added (J1)`() throws {
        let loop = try TestLoop(clock: 1)
        for failing in 1...2 as ClosedRange<UInt64> {
            script_fail(SCRIPT_REALLOC, failing, 1, ENOMEM)
            #expect(throws: TestLoop.Failure(error: ENOMEM)) { try loop.addTimer(1) }
            #expect(cel_timer_count(loop.raw) == 0)
        }
        _ = try loop.addTimer(1, user: 9)
        #expect(try loop.poll() == [.timer(9)])
    }

    @Test func `generations of timers wrap past zero (A19)`() throws {
        let loop = try TestLoop(clock: 1, firstGeneration: .max - 1)
        var seen: Set<cel_token> = []
        for _ in 0..<6 {
            let token = try loop.addTimer(.max)
            #expect(token >> 32 != 0)
            #expect(seen.insert(token).inserted)
            #expect(cel_timer_remove(loop.raw, token) == 0)
        }
        for token in seen { #expect(cel_timer_remove(loop.raw, token) == -ENOENT) }
    }
}
