import CEventLoop
import CEventLoopTestSupport
import Glibc
import Synchronization
import Testing

@Suite struct WakeupTests {
    @Test func `a wake-up ends a wait, and many before it are one (S368, B4)`() throws {
        let loop = try TestLoop()
        for _ in 0..<1_000 { cel_loop_wakeup(loop.raw) }
        let reads = script_count(SCRIPT_READ)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(script_count(SCRIPT_READ) == reads + 1)
        #expect(try loop.poll() == [])
        #expect(loop.statistics.wakeups == 1)
    }

    @Test func `a wake-up completion names nothing`() throws {
        let loop = try TestLoop()
        cel_loop_wakeup(loop.raw)
        let completion = try #require(try loop.pollRaw(wait: true).first)
        #expect(completion.token == 0 && completion.user == 0 && completion.events == 0)
    }

    @Test func `a sleeping loop is woken from another thread (S367)`() throws {
        let loop = try TestLoop()
        let raw = Unchecked(value: loop.raw)
        let join = startThread { cel_loop_wakeup(raw.value) }
        #expect(try loop.poll(wait: true) == [.wakeup])
        join()
    }

    @Test func `a full counter is a wake-up that is pending (S374, B1)`() throws {
        let loop = try TestLoop()
        var almost = UInt64.max - 1
        #expect(write(script_descriptor(SCRIPT_EVENTFD), &almost, 8) == 8)
        script_set_errno(ENOENT)
        cel_loop_wakeup(loop.raw)
        #expect(script_errno() == ENOENT)
        #expect(loop.statistics.ignored_errors == 1)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(try loop.poll() == [])
    }

    @Test func `an interrupted write is repeated (B1)`() throws {
        let loop = try TestLoop()
        script_fail(SCRIPT_WRITE, 1, 3, EINTR)
        cel_loop_wakeup(loop.raw)
        #expect(script_count(SCRIPT_WRITE) == 4)
        #expect(loop.statistics.ignored_errors == 0)
        #expect(try loop.poll(wait: true) == [.wakeup])
    }

    @Test func `a read that finds nothing is ignored, and the next turn looks again (S374)`() throws
    {
        let loop = try TestLoop()
        cel_loop_wakeup(loop.raw)
        script_fail(SCRIPT_READ, 1, 1, EAGAIN)
        #expect(try loop.poll(wait: true) == [])
        #expect(loop.statistics.ignored_errors == 1)
        #expect(try loop.poll(wait: true) == [.wakeup])
    }

    @Test func `a read that fails is rather a wake-up too many`() throws {
        let loop = try TestLoop()
        cel_loop_wakeup(loop.raw)
        script_fail(SCRIPT_READ, 1, 2, EINTR)
        #expect(try loop.poll(wait: true) == [.wakeup])
        cel_loop_wakeup(loop.raw)
        script_fail(SCRIPT_READ, 1, 1, EIO)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(loop.statistics.ignored_errors == 1)
    }

    /// Each thread counts, then wakes; the loop sleeps until all that was counted has been seen.
    @Test func `no wake-up of many threads is lost (S368, S373, B2, I10)`() throws {
        let loop = try TestLoop()
        let raw = Unchecked(value: loop.raw)
        let counter = Counter()
        var seen = 0
        let joins = (0..<4).map { _ in
            startThread {
                for _ in 0..<2_000 {
                    counter.add()
                    cel_loop_wakeup(raw.value)
                }
            }
        }
        while seen < 8_000 {
            #expect(try loop.poll(wait: true) == [.wakeup])
            seen = counter.value
        }
        for join in joins { join() }
        #expect(loop.statistics.wakeups <= 8_000)
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        var value: Int { count.load(ordering: .acquiring) }
        func add() { count.add(1, ordering: .acquiringAndReleasing) }
    }
}
