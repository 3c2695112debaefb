import CEventLoop
import CEventLoopTestSupport
import Glibc
import Synchronization
import Testing

/// Serialized: dispositions belong to the process. Real-time signals keep out of the way of others.
@Suite(.serialized) struct InterruptTests {
    static let signals: [CInt] = [SIGUSR2, 50, 51]

    @Test(arguments: signals)
    func `the first signal is noted and wakes the loop; then the default is back (S384)`(
        signo: CInt
    ) throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, signo) == 0)
        defer { cel_interrupt_close(loop.raw, signo) }
        #expect(script_disposition(signo) == 2)
        #expect(!cel_interrupt_take(loop.raw, signo))
        script_raise(signo, false)
        #expect(script_disposition(signo) == 0)
        #expect(try loop.poll(wait: true) == [.wakeup])
        #expect(cel_interrupt_take(loop.raw, signo))
        #expect(!cel_interrupt_take(loop.raw, signo))
    }

    @Test func `a signal to the process is noted, whichever thread gets it`() throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        defer { cel_interrupt_close(loop.raw, 50) }
        script_raise(50, true)
        while try loop.poll(wait: true) != [.wakeup] {}
        #expect(cel_interrupt_take(loop.raw, 50))
    }

    @Test func `the handler keeps errno, also when the wake-up fails`() throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        defer { cel_interrupt_close(loop.raw, 50) }
        script_fail(SCRIPT_WRITE, 1, 1, EAGAIN)
        script_set_errno(ENOTTY)
        script_raise(50, false)
        #expect(script_errno() == ENOTTY)
        #expect(cel_interrupt_take(loop.raw, 50))
    }

    @Test func `the loop may open the signal again after it came, and it is noted again`() throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        script_raise(50, false)
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        #expect(cel_interrupt_take(loop.raw, 50))
        script_raise(50, false)
        #expect(cel_interrupt_take(loop.raw, 50))
        cel_interrupt_close(loop.raw, 50)
        #expect(!cel_interrupt_take(loop.raw, 50))
    }

    @Test func `another loop cannot have the signal until it is closed`() throws {
        let first = try TestLoop()
        let second = try TestLoop()
        #expect(cel_interrupt_open(first.raw, 51) == 0)
        #expect(cel_interrupt_open(second.raw, 51) == -EBUSY)
        cel_interrupt_close(second.raw, 51)
        #expect(script_disposition(51) == 2)
        #expect(!cel_interrupt_take(second.raw, 51))
        cel_interrupt_close(first.raw, 51)
        #expect(script_disposition(51) == 0)
        #expect(cel_interrupt_open(second.raw, 51) == 0)
        cel_interrupt_close(second.raw, 51)
    }

    @Test(arguments: [1, 2] as [CInt]) func `a disposition that somebody has set is left alone`(
        disposition: CInt
    ) throws {
        let loop = try TestLoop()
        script_set_disposition(52, disposition)
        defer { script_set_disposition(52, 0) }
        #expect(cel_interrupt_open(loop.raw, 52) == -EBUSY)
        #expect(script_disposition(52) == disposition)
        script_raise(52, false)
        #expect(!cel_interrupt_take(loop.raw, 52))
        cel_interrupt_close(loop.raw, 52)
        #expect(script_disposition(52) == disposition)
    }

    @Test func `a handler that somebody put over ours survives the close`() throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, 52) == 0)
        script_set_disposition(52, 1)
        defer { script_set_disposition(52, 0) }
        cel_interrupt_close(loop.raw, 52)
        #expect(script_disposition(52) == 1)
    }

    @Test(arguments: [0, -1, 65, 1_000, SIGKILL, SIGSTOP])
    func `a signal that cannot be handled is refused`(
        signo: CInt
    ) throws {
        let loop = try TestLoop()
        #expect(cel_interrupt_open(loop.raw, signo) == -EINVAL)
        #expect(!cel_interrupt_take(loop.raw, signo))
        cel_interrupt_close(loop.raw, signo)
        #expect(cel_interrupt_open(loop.raw, 50) == 0)
        cel_interrupt_close(loop.raw, 50)
    }

    @Test func `close waits for a handler that runs in another thread`() throws {
        var options = cel_options(sys: script_gated_sys(), first_generation: 0)
        var made: OpaquePointer?
        #expect(cel_loop_create(&options, &made) == 0)
        let loop = Unchecked(value: try #require(made))
        #expect(cel_interrupt_open(loop.value, 50) == 0)
        script_gate_set(false)
        let arrivals = script_gate_arrivals()

        let joinHandler = startThread { script_raise(50, false) }
        while script_gate_arrivals() == arrivals { sched_yield() }
        let closed = Flag()
        let joinCloser = startThread {
            cel_interrupt_close(loop.value, 50)
            closed.set()
        }
        for _ in 0..<1_000 { sched_yield() }
        #expect(!closed.isSet)
        script_gate_set(true)
        joinCloser()
        joinHandler()
        #expect(closed.isSet)
        #expect(cel_loop_destroy(loop.value) == 0)
    }

    private final class Flag: Sendable {
        private let state = Atomic<Bool>(false)
        var isSet: Bool { state.load(ordering: .sequentiallyConsistent) }
        func set() { state.store(true, ordering: .sequentiallyConsistent) }
    }
}
