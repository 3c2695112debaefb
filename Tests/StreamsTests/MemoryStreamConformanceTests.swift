import AsyncCore
import AsyncCoreTestSupport
import AsyncCoreTesting
import Testing

@Suite(.watched)
struct MemoryStreamConformanceTests {
    @Test(arguments: [1, 2, 7, 64, 65_536])
    func `a memory stream keeps the promises of streams, whatever its capacity`(
        capacity: Int
    ) async throws {
        try await onLoop {
            try await checkByteStream(bufferLimit: max(100, capacity)) {
                MemoryStream.pair(capacity: capacity)
            }
        }
    }

    @Test func `it keeps them in any order of tasks`() async throws {
        try await withSeeds(20) { _ in
            try await checkByteStream(bufferLimit: 100) { MemoryStream.pair(capacity: 64) }
        }
    }

    @Test func `the check finds streams that break promises`() async throws {
        try await onLoop {
            let violations = await violations(of: .losesCancelledReads)
            #expect(violations.contains { $0.contains("D17") })
        }
        try await onLoop {
            let violations = await violations(of: .endsOnce)
            #expect(violations.contains { $0.contains("again and again") })
        }
        try await onLoop {
            let violations = await violations(of: .takesEverything)
            #expect(violations.contains { $0.contains("a writer waits") })
        }
        try await onLoop {
            let violations = await violations(of: .callsClosedBroken)
            #expect(violations.contains { $0.contains("S446") })
        }
    }

    private func violations(of fault: FaultyStream.Fault) async -> [String] {
        do {
            try await checkByteStream(bufferLimit: 200_000) {
                let (near, far) = MemoryStream.pair(
                    capacity: fault == .takesEverything ? 10_000_000 : 65_536)
                return (FaultyStream(near, fault), FaultyStream(far, fault))
            }
        } catch let error as ByteStreamViolations {
            return error.violations
        } catch {
            Issue.record(error)
        }
        return []
    }
}

/// A stream that breaks one promise.
private final class FaultyStream: ByteStream {
    enum Fault { case losesCancelledReads, endsOnce, takesEverything, callsClosedBroken }

    private let stream: MemoryStream
    private let fault: Fault
    private let hasEnded = Recorder<Bool>()

    init(_ stream: MemoryStream, _ fault: Fault) {
        self.stream = stream
        self.fault = fault
    }

    nonisolated(nonsending) func read(upTo count: Int) async throws -> [UInt8]? {
        if fault == .endsOnce, hasEnded.count > 0 { throw IOError(.timedOut, operation: "read") }
        let bytes = try await stream.read(upTo: count)
        if bytes == nil { hasEnded.append(true) }
        if fault == .losesCancelledReads {
            try await yield()
            try await yield()
        }
        return bytes
    }

    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        do { try await stream.write(bytes) } catch let error as IOError {
            if fault == .callsClosedBroken { throw IOError(.brokenPipe, operation: "write") }
            throw error
        }
    }

    nonisolated(nonsending) func finishWriting() async throws { try await stream.finishWriting() }

    nonisolated(nonsending) func close() async { await stream.close() }

    var bytesRead: UInt64 { stream.bytesRead }

    var bytesWritten: UInt64 { stream.bytesWritten }
}
