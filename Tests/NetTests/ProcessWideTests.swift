import AsyncCoreTestSupport
import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What needs a process of its own: signals, limits, ports, and a count of all descriptors.
@Suite(.watched)
struct ProcessWideTests {
    @Test func `writing to a peer that is gone raises no signal (S545, D1)`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try EventLoop.run(configuration: .quiet) {
                try await withPair { near, far in
                    await far.reset()
                    try await settle()
                    for _ in 0..<3 { _ = await ioCode { try await near.write("x") } }
                    let code = await ioCode { try await near.write("x") }
                    #expect(code == .brokenPipe)
                }
            }
            // And the program's own setting is as it was.
            var action = sigaction()
            sigaction(SIGPIPE, nil, &action)
            #expect(action.__sigaction_handler.sa_handler == nil)
        }
    }

    @Test func `writing pieces to a Unix peer that is gone raises no signal (D1)`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixStream.pair()
                await far.close()
                for _ in 0..<3 {
                    let pieces = await ioCode { try await near.write(contentsOf: [[1], [2]]) }
                    let bytes = await ioCode { try await near.write([3]) }
                    #expect(pieces == .brokenPipe && bytes == .brokenPipe)
                }
            }
        }
    }

    @Test func `sending a file to a peer that is gone raises no signal (D1)`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try EventLoop.run(configuration: .quiet) {
                try await withFile(pattern(1000)) { file in
                    let (near, far) = try UnixStream.pair()
                    await far.close()
                    let code = await ioCode { try await near.write(contentsOfFile: file) }
                    #expect(code == .brokenPipe)
                    // Whoever blocks the signal, and has one pending, keeps it.
                    var set = sigset_t()
                    sigemptyset(&set)
                    sigaddset(&set, SIGPIPE)
                    pthread_sigmask(SIG_BLOCK, &set, nil)
                    var pending = sigset_t()
                    let again = await ioCode { try await near.write(contentsOfFile: file) }
                    #expect(again == .brokenPipe)
                    sigpending(&pending)
                    #expect(sigismember(&pending, SIGPIPE) == 0)
                    pthread_kill(pthread_self(), SIGPIPE)
                    _ = await ioCode { try await near.write(contentsOfFile: file) }
                    sigpending(&pending)
                    #expect(sigismember(&pending, SIGPIPE) == 1)
                }
            }
        }
    }

    @Test func `splicing to a peer that is gone raises no signal (D1)`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixStream.pair()
                let (back, server) = try UnixStream.pair()
                let pipes = near.socket.core.pipes
                pipes.enter()
                try await near.write("x")
                guard case .filled(let pipe) = try await far.fillPipe(of: pipes) else {
                    fatalError("nothing in the pipe")
                }
                await server.close()
                let code = await ioCode { _ = try await back.drain(pipe, of: pipes) }
                #expect(code == .brokenPipe)
                pipes.leave()
            }
        }
    }

    @Test func `descriptors that a peer sends unasked are not kept (F7)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixStream.pair()
                let before = openDescriptors()
                var most = before
                for round in 1...1_000 {
                    try #require(sendDescriptors(253, over: near.socket.descriptor) == 1)
                    let bytes = try await far.read(upTo: 9)
                    try #require(bytes == [7])
                    if round % 10 == 0 { most = max(most, openDescriptors()) }
                }
                // 253,000 were sent. The process may open a few of its own meanwhile.
                #expect(most < before + 100)
            }
        }
    }

    @Test func `descriptors that come with datagrams are not kept (F7)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixDatagramSocket.pair()
                let before = openDescriptors()
                var most = before
                for round in 1...1_000 {
                    for _ in 0..<2 {
                        try #require(sendDescriptors(253, over: near.socket.descriptor) == 1)
                    }
                    let one = try await far.receive()
                    let rest = try await far.receive(batch: 64)
                    try #require(one.bytes == [7] && rest.map(\.bytes) == [[7]])
                    if round % 10 == 0 { most = max(most, openDescriptors()) }
                }
                // 506,000 were sent. The process may open a few of its own meanwhile.
                #expect(most < before + 100)
                await near.close()
            }
        }
    }

    @Test func `writing datagrams to a Unix peer that is gone raises no signal (D1)`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixDatagramSocket.pair()
                shutdown(far.socket.descriptor, CInt(SHUT_RD))
                #expect(await ioCode { try await near.send([1]) } == .brokenPipe)
                await far.close()
                #expect(await ioCode { try await near.send([1]) } == .connectionRefused)
                #expect(await ioCode { try await near.send([1]) } == .connectionRefused)
            }
        }
    }

    @Test func `what passes the limit of descriptors is told, and the loop lives (F6)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                let (near, far) = try UnixStream.pair()
                try #require(sendDescriptors(100, over: near.socket.descriptor) == 1)
                var taken = takeAllDescriptors()
                for _ in 0..<40 { Glibc.close(taken.removeLast()) }
                let message = try #require(try await far.receive(upTo: 9))
                #expect(message.bytes == [7] && message.hasLostDescriptors)
                // The process may open a few of its own meanwhile.
                #expect((20...40).contains(message.descriptors.count) && message.refusedCount == 0)
                for descriptor in message.descriptors { descriptor.close() }
                try #require(sendDescriptors(2, over: near.socket.descriptor) == 1)
                let next = try #require(try await far.receive(upTo: 9))
                #expect(next.descriptors.count == 2 && !next.hasLostDescriptors)
                for number in taken { Glibc.close(number) }
            }
        }
    }

    @Test
    func `without descriptors accepting pauses, keeps its place, and recovers (S462, C2)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                let listener = try TCPListener.bind(to: .loopback(port: 0))
                let elsewhere = try SocketAddress("127.0.0.1", port: 9)
                var clients: [TCPStream] = []
                for _ in 0..<20 {
                    clients.append(try await TCPStream.connect(to: listener.localAddress))
                }
                var taken = takeAllDescriptors()
                let served = Recorder<TCPStream>()
                let acceptor = spawn { for try await stream in listener { served.append(stream) } }
                // The test library may give descriptors back meanwhile, a few at most.
                while listener.statistics.pauses < 2 {
                    taken += takeAllDescriptors()
                    try await sleep(for: .milliseconds(10))
                }
                #expect(served.count < 20)
                var code: IOError.Code?
                for _ in 0..<20 where code == nil {
                    taken += takeAllDescriptors()
                    code = await ioCode {
                        try await TCPStream.withConnection(to: elsewhere) { _ in }
                    }
                }
                #expect(code == .resourcesExhausted)
                for descriptor in taken { close(descriptor) }
                while served.count < 20 { try await sleep(for: .milliseconds(10)) }
                #expect(served.elements.map(\.peerAddress) == clients.map(\.localAddress))
                #expect(currentLoop.statistics.spuriousTurns < 100)
                for stream in served.elements + clients { await stream.close() }
                await listener.close()
                try await acceptor.value
            }
        }
    }

    // In a process of its own, as a port stays taken while a program is started elsewhere in the
    // process: between fork and exec the child has a copy of every descriptor.
    @Test func `the same address can be bound on the line after the close (S447, S478)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                var listener = try TCPListener.bind(to: .loopback(port: 0))
                let address = listener.localAddress
                let client = try await TCPStream.connect(to: address)
                let served = try await listener.accept()
                for _ in 0..<20 {
                    await listener.close()
                    listener = try TCPListener.bind(to: address)
                }
                await listener.close()
                await client.close()
                await served.close()
            }
        }
    }

    @Test func `a cancelled accept leaves nothing listening (S442, S436)`() async {
        await #expect(processExitsWith: .success) {
            try EventLoop.run(configuration: .quiet) {
                let listener = try TCPListener.bind(to: .loopback(port: 0))
                let acceptor = spawn { try await listener.accept() }
                try await settle()
                acceptor.cancel()
                try await yield()
                #expect(acceptor.isFinished)
                #expect(await acceptor.result.isCancelled)
                await listener.close()
                let address = listener.localAddress
                let code = await ioCode { _ = try await TCPStream.connect(to: address) }
                #expect(code == .connectionRefused)
                let again = try TCPListener.bind(to: address)
                await again.close()
            }
        }
    }

    @Test func `a thousand connections and more work, and leave no descriptor (S450, I3)`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 4_096, rlim_max: 4_096)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try EventLoop.run(configuration: .quiet) {}
            let before = openDescriptors()
            try EventLoop.run(configuration: .quiet) {
                let pairs = try await makePairs(1_000)
                for pair in pairs { try await pair.near.write("x") }
                let readers = pairs.map { pair in spawn { try await pair.far.read(upTo: 9) } }
                let read = try await gather(readers)
                #expect(read.allSatisfy { $0 == Array("x".utf8) })
                for pair in pairs.prefix(500) {
                    await pair.near.close()
                    await pair.far.close()
                }
                // The others are left to their owner's end, and the loop's.
            }
            // The test library opens and closes a few of its own.
            #expect(openDescriptors() < before + 10)
        }
    }
}

/// How many descriptors the process has.
private func openDescriptors() -> Int {
    (0..<4_096).count { fcntl(CInt($0), F_GETFD) >= 0 }
}

/// Lowers the limit, and takes every descriptor that there is.
private func takeAllDescriptors() -> [CInt] {
    var limit = rlimit(rlim_cur: 256, rlim_max: 4_096)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var taken: [CInt] = []
    while true {
        let next = script_event(false)
        if next < 0 { return taken }
        taken.append(next)
    }
}

/// Sends one byte, and with it so many copies of the standard error.
private func sendDescriptors(_ count: Int, over descriptor: CInt) -> Int {
    // A header of a control message: its length, SOL_SOCKET, SCM_RIGHTS.
    var control: [UInt64] = [UInt64(16 + 4 * count), UInt64(SOL_SOCKET) | 1 << 32]
    control += [UInt64](repeating: 2 << 32 | 2, count: (count + 1) / 2)
    var byte: UInt8 = 7
    return withUnsafeMutableBytes(of: &byte) { bytes in
        control.withUnsafeMutableBytes { control in
            var piece = iovec(iov_base: bytes.baseAddress, iov_len: 1)
            return withUnsafeMutablePointer(to: &piece) { piece in
                var message = msghdr()
                message.msg_iov = piece
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                return sendmsg(descriptor, &message, 0)
            }
        }
    }
}
