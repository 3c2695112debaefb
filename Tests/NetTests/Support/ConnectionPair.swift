import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// Runs `body` with both ends of a new connection, and closes them at the end.
func withPair<R>(
    _ body: nonisolated(nonsending) (_ near: TCPStream, _ far: TCPStream) async throws -> R
) async throws -> R {
    let (near, far) = try await makePair()
    do {
        let value = try await body(near, far)
        await near.close()
        await far.close()
        return value
    } catch {
        await near.close()
        await far.close()
        throw error
    }
}

/// Both ends of a new connection, of which the first is the one that has connected.
func makePair() async throws -> (near: TCPStream, far: TCPStream) {
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    let near = try await TCPStream.connect(to: listener.localAddress)
    let far = try await listener.accept()
    await listener.close()
    return (near, far)
}

/// The code of the IOError that `body` throws; nil if it throws none. Another error is an issue.
func ioCode(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: nonisolated(nonsending) () async throws -> Void
) async -> IOError.Code? {
    do {
        try await body()
    } catch let error as IOError {
        return error.code
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
    return nil
}

/// Makes what fails with `code` as long as a descriptor is open, until it is closed everywhere.
///
/// A child that another test starts holds our descriptors, too, between its fork and its exec. What is
/// never released is the watchdog's.
func onceReleased<R>(
    _ code: IOError.Code, _ make: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    while true {
        do {
            return try await make()
        } catch let error as IOError where error.code == code {
            try await yield()
        }
    }
}

/// The error of a connect to where nobody listens any more; see ``onceReleased(_:_:)``.
func connectCodeOnceReleased(_ address: SocketAddress) async throws -> IOError.Code {
    while true {
        do {
            try await TCPStream.connect(to: address).close()
        } catch let error as IOError {
            return error.code
        }
        try await yield()
    }
}

extension Result {
    /// The code of the IOError that is the failure, if it is one.
    var ioCode: IOError.Code? {
        guard case .failure(let error) = self else { return nil }
        return (error as? IOError)?.code
    }

    /// Whether the failure is a cancellation.
    var isCancelled: Bool {
        guard case .failure(let error) = self else { return false }
        return error is CancellationError
    }

    /// Whether the failure is the loop's end.
    var isStopped: Bool {
        guard case .failure(let error) = self else { return false }
        return error as? EventLoopError == .stopped
    }
}

extension TCPStream {
    /// Everything up to the end of the stream.
    func readAll(chunk: Int = 65_536) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await read(upTo: chunk) { all += bytes }
        return all
    }

    /// Exactly `count` bytes, or fewer if the stream ends before.
    func read(exactly count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count, let bytes = try await read(upTo: count - all.count) {
            all += bytes
        }
        return all
    }

    /// Sends back what comes, until the end of the stream.
    func echo() async throws {
        while let bytes = try await read(upTo: 65_536) { try await write(bytes) }
    }

    /// Makes the kernel's buffer for sending small, so that a writer has to wait soon.
    func shrinkBuffer() {
        var size: CInt = 65_536
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Waits until the kernel has told of something that ends a read's wait. A reader that waited has
    /// been let go then, and what it reads may have been received for it, but the calling task runs before
    /// it.
    func untilReadable() async throws {
        while readiness.isDisjoint(with: .endsReadWait) && !hasReceived { try await yield() }
    }

    /// Whether something was received for a reader that has not gone on yet.
    var hasReceived: Bool { socket.watch.state.value.pending.isDone }

    var descriptor: CInt { socket.descriptor }

    /// What is known of the connection's readiness.
    var readiness: Readiness { socket.readiness }

    /// Reads until the kernel has told the writer at the other end that there is room. The calling
    /// task runs before that writer.
    func drain(untilRoomFor writer: TCPStream) async throws {
        while writer.isFull {
            // At most one turn goes by between two looks.
            if readiness.isDisjoint(with: .endsReadWait) {
                try await yield()
            } else {
                _ = try await read(upTo: 65_536)
            }
        }
    }

    /// Waits until a writer has filled the kernel's buffer, and waits.
    func untilFull() async throws {
        try await settle()
        while !isFull { try await yield() }
    }

    /// Whether the kernel's buffer is full.
    var isFull: Bool { !readiness.contains(.writable) }
}

/// The first bytes, a million at most, of a sequence that repeats late.
func pattern(_ count: Int) -> [UInt8] { Array(longPattern[..<count]) }

private let longPattern: [UInt8] = {
    var generator = SplitMix64(seed: 1)
    return (0..<125_000).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
}()

/// A port of the loopback that nobody listens on, and nobody else can take while this exists.
final class ReservedPort: Sendable {
    let address: SocketAddress
    private let descriptor: CInt

    init() throws {
        let descriptor = try Socket.open(AF_INET, .kernel)
        self.descriptor = descriptor
        try Socket.set(.reuseAddress, 1, descriptor, .kernel)
        try Socket.bind(descriptor, to: .loopback(port: 0), .kernel)
        address = try Socket.localAddress(descriptor, .kernel)
    }

    deinit { Socket.close(descriptor, .kernel) }
}
