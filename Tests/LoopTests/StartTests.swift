import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// A loop on a thread of its own.
@Suite(.watched)
struct StartTests {
    struct Failure: Error, Equatable {}

    @Test func `a started loop runs until it is stopped, held or not`() async throws {
        let executor = try EventLoop.start(configuration: .quiet).taskExecutor
        for number in 0..<50 {
            let seen = await Task(executorPreference: executor) {
                EventLoop.current != nil ? number : -1
            }.value
            #expect(seen == number)
        }
        let loop = try #require(
            await Task(executorPreference: executor) { EventLoop.current }.value)
        #expect(!loop.isStopping)
        try await loop.shutdown()
        #expect(loop.isStopping && loop.isStopped)
    }

    @Test func `its thread has the given name, cut to what the kernel keeps`() async throws {
        let names = ["short": "short", "a name that is much too long": "a name that is "]
        for (name, expected) in names {
            let loop = try EventLoop.start(name: name, configuration: .quiet)
            let seen = try await loop.run {
                let file = try #require(fopen("/proc/thread-self/comm", "r"))
                defer { fclose(file) }
                var name = ""
                while case let byte = fgetc(file), byte > 10 { name.append(Character(Unicode.Scalar(UInt8(byte)))) }
                return name
            }
            #expect(seen == expected)
            try await loop.shutdown()
        }
    }

    @Test func `run gives the value, or the error, back to the caller where it was`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let home = currentLoop
            let seen = try await other.run { EventLoop.current === other }
            #expect(seen)
            #expect(home.isCurrent)
            await #expect(throws: Failure()) { try await other.run { throw Failure() } }
            #expect(home.isCurrent)
        }
        try await other.shutdown()
    }

    @Test func `cancelling a run from elsewhere cancels its body, and waits for it`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let order = Recorder<String>()
            let task = spawn {
                defer { order.append("caller") }
                try await other.run {
                    order.append("begun")
                    do { try await sleep(for: .hour) } catch { order.append("\(error)") }
                    await Task { for _ in 0..<5 { await Task.yield() } }.value
                    order.append("body")
                }
            }
            try await until { order.count == 1 }
            task.cancel()
            try await task.value
            #expect(order.elements == ["begun", "CancellationError()", "body", "caller"])
        }
        try await other.shutdown()
    }

    @Test func `a run of a cancelled task begins cancelled`() async throws {
        let other = try EventLoop.start(configuration: .quiet)
        try await onLoop {
            let task = spawn {
                withUnsafeCurrentTask { $0?.cancel() }
                try await other.run { try await sleep(for: .hour) }
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        try await other.shutdown()
    }

    @Test func `two loops that call into each other do not deadlock`() async throws {
        let loops = try (0..<2).map { _ in try EventLoop.start(configuration: .quiet) }
        let depth = try await loops[0].run {
            try await loops[1].run {
                try await loops[0].run {
                    try await loops[1].run { try await settle(); return 4 }
                }
            }
        }
        #expect(depth == 4)
        for loop in loops { try await loop.shutdown() }
    }

    static let creationCalls = [
        (SCRIPT_EPOLL_CREATE1, 1), (SCRIPT_TIMERFD_CREATE, 1), (SCRIPT_EVENTFD, 1),
        (SCRIPT_EPOLL_CTL, 1), (SCRIPT_EPOLL_CTL, 2), (SCRIPT_REALLOC, 1),
    ]

    @Test(arguments: creationCalls.indices)
    func `a loop that cannot be made throws and leaves nothing open (B19 J10 S381)`(index: Int)
        async throws
    {
        let (call, number) = Self.creationCalls[index]
        let isMemory = call == SCRIPT_REALLOC || call == SCRIPT_EPOLL_CTL
        let errno = isMemory ? ENOMEM : EMFILE
        var configuration = EventLoop.Configuration.quiet
        configuration.systemCalls = SystemCalls(table: script_sys())
        let makers: [@Sendable (EventLoop.Configuration) throws -> Void] = [
            { _ = try EventLoop(configuration: $0) },
            { _ = try EventLoop.start(configuration: $0) },
            { try EventLoop.run(configuration: $0) {} },
        ]
        for make in makers {
            try await onThread { [configuration] in
                script_reset()
                script_fail(call, UInt64(number), 1, errno)
                let error = #expect(throws: IOError.self) { try make(configuration) }
                #expect(error?.code == .resourcesExhausted)
                #expect(error?.errno == errno)
                #expect(script_open_descriptors() == 0)
                #expect(script_live_blocks() == 0)
            }
        }
    }

    @Test func `a run gives its descriptors back, however it ends (S381)`() async throws {
        var configuration = EventLoop.Configuration.quiet
        configuration.systemCalls = SystemCalls(table: script_sys())
        try await onThread { [configuration] in
            script_reset()
            for number in 0..<20 {
                try? EventLoop.run(configuration: configuration) {
                    let listener = try TCPListener.bind(to: .loopback(port: 0))
                    spawn { _ = try await listener.accept() }
                    try await settle(2)
                    if number.isMultiple(of: 2) { throw Failure() }
                }
                #expect(script_open_descriptors() == 0)
                #expect(script_live_blocks() == 0)
            }
        }
    }

    @Test func `with too few descriptors left a loop is refused, and none leaks (J10 B19)`()
        async throws
    {
        await #expect(processExitsWith: .success) {
            try exhaustDescriptors { left in
                if left < 3 {
                    let error = #expect(throws: IOError.self) {
                        try EventLoop(configuration: .quiet)
                    }
                    #expect(error?.code == .resourcesExhausted)
                } else {
                    #expect(throws: Never.self) { try EventLoop(configuration: .quiet) }
                }
            }
        }
    }

    @Test func `hundreds of loops leave no descriptor behind (S381)`() async throws {
        await #expect(processExitsWith: .success) {
            let before = openDescriptors()
            for _ in 0..<100 {
                let loop = try EventLoop.start(configuration: .quiet)
                try await loop.run { try await sleep(for: .microseconds(1)) }
                try await loop.shutdown()
            }
            // The last loops' threads may still be on their way out.
            usleep(300000)
            for fd in 0..<40 where fcntl(CInt(fd), F_GETFD) >= 0 {
                var path = [CChar](repeating: 0, count: 200)
                readlink("/proc/self/fd/\(fd)", &path, 199)
                print("FD \(fd) \(path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }) before \(before)")
            }
        }
    }
}

/// Descriptors that this process has open, up to a bound that suffices here.
private func openDescriptors() -> Int {
    (0..<1_024).count { fcntl($0, F_GETFD) >= 0 }
}

/// Calls `body` with room for 0, 1, 2 and 3 more descriptors; checks that it leaves as many open.
private func exhaustDescriptors(_ body: (_ left: Int) throws -> Void) throws {
    let free = (0..<1_024).filter { fcntl($0, F_GETFD) < 0 }
    for left in 0...3 {
        // With all numbers below taken or counted, the limit leaves exactly `left` numbers.
        var limit = rlimit(rlim_cur: rlim_t(free[left]), rlim_max: rlim_t(1_024))
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let before = openDescriptors()
        try body(left)
        #expect(openDescriptors() == before)
    }
}
