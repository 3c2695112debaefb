import AsyncCoreTestSupport
import CEventLoop
import CEventLoopTestSupport
import Glibc
import Synchronization
import Testing

@testable import AsyncCore

/// Sending files: S564 to S569, D1, D19.
@Suite(.watched)
struct FileTransferTests {
    /// How the bytes come to the socket.
    enum Way: CaseIterable {
        case kernel, memory, memoryFromTheSecondSlice

        /// To be called on a scripted loop, before the transfer.
        func prepare(_ errno: CInt = EINVAL) {
            switch self {
            case .kernel: break
            case .memory: script_fail(SCRIPT_SENDFILE, 1, .max / 2, errno)
            case .memoryFromTheSecondSlice: script_fail(SCRIPT_SENDFILE, 2, .max / 2, errno)
            }
        }
    }

    /// Runs `body` on a scripted loop with a connection and a file.
    private static func withTransfer(
        _ content: [UInt8], _ way: Way = .kernel, errno: CInt = EINVAL,
        _ body:
            @escaping @Sendable (_ near: TCPStream, _ far: TCPStream, _ file: CInt) async throws ->
            Void
    ) async throws {
        try await onScriptedLoop {
            try await withFile(content) { file in
                try await withPair { near, far in
                    way.prepare(errno)
                    try await body(near, far, file)
                    #expect(position(of: file) == 3)
                }
            }
        }
    }

    @Test(arguments: Way.allCases)
    func `offset and count are honoured, and the file stays where it stands (S564)`(way: Way)
        async throws
    {
        let content = pattern(1000)
        try await Self.withTransfer(content, way) { near, far, file in
            let parts: [(offset: UInt64, count: UInt64?, sent: Range<Int>)] = [
                (0, nil, 0..<1000), (10, 5, 10..<15), (990, 100, 990..<1000),
                (999, nil, 999..<1000),
                (1000, nil, 0..<0), (5000, 10, 0..<0), (7, 0, 0..<0),
                (UInt64(Int64.max), nil, 0..<0), (0, .max, 0..<1000),
            ]
            var total: UInt64 = 0
            for part in parts {
                let sent = try await near.write(
                    contentsOfFile: file, offset: part.offset, count: part.count)
                #expect(sent == UInt64(part.sent.count))
                total += sent
                #expect(near.bytesWritten == total)
                #expect(
                    try await far.read(exactly: part.sent.count) == Array(content[part.sent]))
            }
        }
    }

    @Test(arguments: Way.allCases)
    func `an empty file sends nothing (S564)`(way: Way) async throws {
        try await Self.withTransfer([], way) { near, far, file in
            #expect(try await near.write(contentsOfFile: file) == 0)
            try await near.finishWriting()
            #expect(try await far.read(upTo: 1) == nil)
        }
    }

    @Test(arguments: Way.allCases)
    func `a large file goes out whole between ordinary writes (S565, S439)`(way: Way) async throws {
        let content = pattern(1_000_000)
        try await Self.withTransfer(content, way) { near, far, file in
            let reader = spawn { try await far.readAll() }
            try await near.write("before")
            for _ in 0..<5 { #expect(try await near.write(contentsOfFile: file) == 1_000_000) }
            try await near.write("after")
            try await near.finishWriting()
            let expected =
                Array("before".utf8) + (0..<5).flatMap { _ in content } + Array("after".utf8)
            let received = try await reader.value
            #expect(received == expected)
            #expect(near.bytesWritten == UInt64(expected.count))
        }
    }

    @Test(arguments: [EINVAL, ENOSYS, EOPNOTSUPP], [Way.memory, .memoryFromTheSecondSlice])
    func `what the kernel refuses is read and sent, at the first call and later (S566)`(
        errno: CInt, way: Way
    ) async throws {
        let content = pattern(1_000_000)
        try await Self.withTransfer(content, way, errno: errno) { near, far, file in
            let reader = spawn { try await far.readAll() }
            #expect(try await near.write(contentsOfFile: file, offset: 1) == 999_999)
            try await near.finishWriting()
            let received = try await reader.value
            #expect(received == Array(content[1...]))
            // Asked once in vain, and not again.
            #expect(script_count(SCRIPT_SENDFILE) == (way == .memory ? 1 : 2))
            #expect(script_count(SCRIPT_PREAD) > 0)
        }
    }

    @Test(arguments: Way.allCases)
    func `meanwhile other writes are refused as busy (S567, S516)`(way: Way) async throws {
        try await Self.withTransfer(pattern(1_000_000), way) { near, far, file in
            near.shrinkBuffer()
            let transfer = spawn { try await near.write(contentsOfFile: file) }
            try await near.untilFull()
            #expect(await ioCode { try await near.write("x") } == .busy)
            #expect(await ioCode { try await near.write(contentsOfFile: file) } == .busy)
            #expect(await ioCode { try await near.finishWriting() } == .busy)
            let received = try await far.read(exactly: 1_000_000)
            #expect(try await transfer.value == 1_000_000)
            #expect(received == pattern(1_000_000))
            try await near.write("x")
            #expect(try await far.read(upTo: 9) == Array("x".utf8))
        }
    }

    @Test(arguments: Way.allCases)
    func `a peer that goes in the middle is an error, and the bytes are counted (S568)`(way: Way)
        async throws
    {
        try await Self.withTransfer(pattern(1_000_000), way) { near, far, file in
            near.shrinkBuffer()
            let transfer = spawn { try await near.write(contentsOfFile: file) }
            try await near.untilFull()
            let sent = near.bytesWritten
            await far.close()
            let code = await transfer.result.ioCode
            #expect(code == .brokenPipe || code == .connectionReset)
            #expect(near.bytesWritten >= sent && near.bytesWritten < 1_000_000)
            #expect(await ioCode { try await near.write(contentsOfFile: file) } == .brokenPipe)
        }
    }

    @Test(arguments: Way.allCases)
    func `a cancelled transfer tells how far it came, and another goes on from there (S569, D18)`(
        way: Way
    ) async throws {
        let content = pattern(1_000_000)
        try await Self.withTransfer(content, way) { near, far, file in
            near.shrinkBuffer()
            let transfer = spawn { try await near.write(contentsOfFile: file) }
            try await near.untilFull()
            transfer.cancel()
            #expect(await transfer.result.isCancelled)
            let sent = near.bytesWritten
            #expect(sent > 0 && sent < 1_000_000)
            let reader = spawn { try await far.readAll() }
            try await near.write(contentsOfFile: file, offset: sent)
            try await near.finishWriting()
            #expect(try await reader.value == content)
        }
    }

    @Test(arguments: Way.allCases)
    func `a task that is cancelled already sends nothing (S437)`(way: Way) async throws {
        try await Self.withTransfer(pattern(1000), way) { near, _, file in
            let transfer = spawn { try await near.write(contentsOfFile: file) }
            transfer.cancel()
            #expect(await transfer.result.isCancelled)
            #expect(near.bytesWritten == 0)
        }
    }

    @Test(arguments: Way.allCases)
    func `closed before, meanwhile, or after finishWriting is closed (S569, S446)`(way: Way)
        async throws
    {
        try await Self.withTransfer(pattern(1_000_000), way) { near, far, file in
            try await far.finishWriting()
            #expect(await ioCode { try await far.write(contentsOfFile: file) } == .closed)
            near.shrinkBuffer()
            let transfer = spawn { try await near.write(contentsOfFile: file) }
            try await near.untilFull()
            await near.close()
            #expect(await transfer.result.ioCode == .closed)
            #expect(await ioCode { try await near.write(contentsOfFile: file) } == .closed)
        }
    }

    @Test(arguments: Way.allCases)
    func `a file that becomes shorter meanwhile ends early`(way: Way) async throws {
        try await Self.withTransfer(pattern(1_000_000), way) { near, far, file in
            near.shrinkBuffer()
            let transfer = spawn { try await near.write(contentsOfFile: file, count: 1_000_000) }
            try await near.untilFull()
            #expect(near.bytesWritten < 800_000)
            #expect(ftruncate(file, 800_000) == 0)
            let reader = spawn { try await far.readAll() }
            #expect(try await transfer.value == 800_000)
            try await near.finishWriting()
            #expect(try await reader.value == pattern(800_000))
        }
    }

    @Test func `what is no file that can be read is named, and nothing is sent`() async throws {
        try await onScriptedLoop {
            try await withPair { near, far in
                let folder = open("/tmp", O_RDONLY | O_DIRECTORY)
                let writeOnly = open("/dev/null", O_WRONLY)
                var ends: [CInt] = [0, 0]
                #expect(script_pipe(&ends) == 0)
                for (file, code) in [
                    (-1, IOError.Code.badDescriptor), (folder, .system), (ends[0], .system),
                    (writeOnly, .badDescriptor),
                ] {
                    let error = await #expect(throws: IOError.self) {
                        try await near.write(contentsOfFile: file)
                    }
                    #expect(error?.code == code)
                    #expect(error?.operation == "read file descriptor \(file)")
                }
                for file in ends + [folder, writeOnly] { close(file) }
                #expect(near.bytesWritten == 0)
                try await near.write("x")
                #expect(try await far.read(upTo: 9) == Array("x".utf8))
            }
        }
    }

    @Test(arguments: [EIO, ENOMEM]) func `an error of the disk names the file`(errno: CInt)
        async throws
    {
        try await Self.withTransfer(pattern(1000), .memory) { near, _, file in
            script_fail(SCRIPT_PREAD, 1, 1, errno)
            let error = await #expect(throws: IOError.self) {
                try await near.write(contentsOfFile: file)
            }
            #expect(error?.operation == "read file descriptor \(file)" && error?.errno == errno)
        }
    }

    @Test func `the calls are interrupted, and repeated`() async throws {
        try await Self.withTransfer(pattern(1000)) { near, far, file in
            script_fail(SCRIPT_SENDFILE, 1, 2, EINTR)
            let sent = try await near.write(contentsOfFile: file)
            #expect(sent == 1000)
            #expect(try await far.read(exactly: 1000) == pattern(1000))
            script_fail(SCRIPT_SENDFILE, 1, 1, EINVAL)
            script_fail(SCRIPT_PREAD, 1, 2, EINTR)
            #expect(try await near.write(contentsOfFile: file) == 1000)
            #expect(try await far.read(exactly: 1000) == pattern(1000))
        }
    }

    @Test(arguments: [Way.kernel, .memory])
    func `a call moves 256 KiB at most, and others run in between (D19, S528)`(way: Way)
        async throws
    {
        let calls = SystemCalls.scripted { table in
            table.sendfile = { to, file, offset, count in
                largestSlice.withLock { $0 = max($0, count) }
                return script_sys().pointee.sendfile(to, file, offset, count)
            }
        }
        try await onScriptedLoop(calls) {
            try await withFile(pattern(1_000_000)) { file in
                // A peer that takes everything at once: a device, by way of a pair that is drained.
                try await withPair { near, far in
                    way.prepare()
                    let reader = spawn { try await far.read(exactly: 8_000_000).count }
                    let turns = Recorder<Bool>()
                    let other = spawn { while true { turns.append(true); try await yield() } }
                    for _ in 0..<8 { try await near.write(contentsOfFile: file) }
                    #expect(try await reader.value == 8_000_000)
                    // At least one in each 512 KiB that went out.
                    #expect(turns.count >= 16)
                    other.cancel()
                    _ = await other.result
                }
            }
        }
        #expect(largestSlice.withLock { $0 } <= 262_144)
    }

    @Test func `a Unix connection sends files, too`() async throws {
        try await onScriptedLoop {
            try await withFile(pattern(1_000_000)) { file in
                let (near, far) = try UnixStream.pair()
                let reader = spawn { try await BufferedReader(far).readToEnd(limit: 2_000_000) }
                #expect(try await near.write(contentsOfFile: file) == 1_000_000)
                try await near.finishWriting()
                #expect(try await reader.value == pattern(1_000_000))
                await near.close()
                await far.close()
            }
        }
    }

    @Test func `a transfer works from another loop, and not on one that has stopped (I11)`()
        async throws
    {
        try await withFile(pattern(1000)) { file in
            let owner = try EventLoop.start(name: "owner", configuration: .quiet)
            let (near, far) = try await owner.run { try await makePair() }
            #expect(try await near.write(contentsOfFile: file, offset: 1) == 999)
            #expect(try await far.read(exactly: 999) == Array(pattern(1000)[1...]))
            try await owner.shutdown()
            await #expect(throws: EventLoopError.stopped) {
                try await near.write(contentsOfFile: file)
            }
            await far.close()
        }
    }
}

private let largestSlice = Guarded(0)
