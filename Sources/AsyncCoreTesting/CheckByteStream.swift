// The promises of byte streams, as checks.
public import AsyncCore

/// Checks that a kind of stream keeps what ``AsyncCore/ByteStream`` promises.
///
/// Every check makes connections of its own, and closes them. All checks run, also after one has
/// found something; what they found is thrown together.
///
/// ```swift
/// struct MemoryStreamTests {
///     @Test func `memory streams keep the promises of streams`() async throws {
///         try await withVirtualTime {
///             try await checkByteStream { MemoryStream.pair() }
///         }
///     }
/// }
/// ```
/// What is checked: bytes are exact, one by one and in bulk, both directions at once; the end of the
/// stream is told again and again, after the last byte; the half-close leaves the other direction
/// alone; closed, broken and busy are told apart, before an operation and during it; an operation
/// that is cancelled, at any suspension, loses no byte, and a write says how many went out; a
/// writer waits for its reader. A stream whose operations never end hangs the check; on virtual time
/// that is ``RanDry``.
///
/// - Parameters:
///   - limit: How many bytes the two sides keep between them at most, before a writer waits; they
///     keep one at least.
///   - makePair: Makes the two ends of a new connection.
/// - Throws: ``ByteStreamViolations``; what `makePair` throws; `CancellationError`.
/// - Precondition: The caller runs on an event loop, to which the streams belong if they belong to
///   any.
public nonisolated(nonsending) func checkByteStream(
    bufferLimit limit: Int = 16_777_216,
    _ makePair: @escaping @Sendable () async throws -> (any ByteStream, any ByteStream)
) async throws {
    let check = ByteStreamCheck(limit: limit, makePair: makePair)
    try await check.checkBytes()
    try await check.checkEnd()
    try await check.checkRefusals()
    try await check.checkCancellation()
    if !check.violations.isEmpty { throw ByteStreamViolations(check.violations) }
}

/// Promises that a stream has not kept.
public struct ByteStreamViolations: Error, CustomStringConvertible {
    /// Each promise, with what happened instead.
    public let violations: [String]

    init(_ violations: [String]) { self.violations = violations }

    /// All of them, one on a line.
    public var description: String {
        "the stream breaks promises of ByteStream:\n"
            + violations.map { "  - \($0)" }.joined(separator: "\n")
    }
}

/// One run of the checks: makes connections, and collects what is wrong.
///
/// The caller's task, and tasks of its loop, only.
final class ByteStreamCheck: @unchecked Sendable {
    // SAFETY: `found` is guarded by `lock`; the rest is immutable.
    typealias Pair = (near: any ByteStream, far: any ByteStream)

    let limit: Int
    private let makePair: @Sendable () async throws -> (any ByteStream, any ByteStream)
    private let lock = ThreadLock()
    private var found: [String] = []

    init(
        limit: Int,
        makePair: @escaping @Sendable () async throws -> (any ByteStream, any ByteStream)
    ) {
        self.limit = limit
        self.makePair = makePair
    }

    var violations: [String] { lock.withLock { found } }

    func violate(_ promise: String, _ what: String) {
        lock.withLock { found.append("\(promise): \(what)") }
    }

    func expect(_ isKept: Bool, _ promise: String, _ what: @autoclosure () -> String) {
        if !isKept { violate(promise, what()) }
    }

    /// Runs a check with a new connection, which is closed afterwards.
    ///
    /// Its error is a violation, but for the cancellation of the whole.
    nonisolated(nonsending) func check(
        _ promise: String, _ body: nonisolated(nonsending) (Pair, String) async throws -> Void
    ) async throws {
        let pair = try await makePair()
        do {
            try await body(pair, promise)
        } catch {
            violate(promise, "\(error)")
        }
        await pair.0.close()
        await pair.1.close()
        try Task.checkCancellation()
    }

    /// Checks that `body` fails with one of the codes.
    nonisolated(nonsending) func expectError(
        _ codes: [IOError.Code], _ promise: String, _ what: String,
        _ body: nonisolated(nonsending) () async throws -> Void
    ) async {
        do {
            try await body()
            violate(promise, "\(what) does not fail")
        } catch let error as IOError where codes.contains(error.code) {
            return
        } catch {
            violate(promise, "\(what) fails with \(error)")
        }
    }

    /// Lets other tasks run until they wait for each other or for the kernel.
    nonisolated(nonsending) func settle() async throws {
        for _ in 0..<30 { try await yield() }
    }

    /// Waits until a writer does not get on any more.
    nonisolated(nonsending) func untilStuck(_ writer: any ByteStream) async throws {
        var last = UInt64.max
        while writer.bytesWritten != last {
            last = writer.bytesWritten
            try await settle()
        }
    }

    /// Bytes that repeat late.
    static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            var number = generator.next()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: number))
                number >>= 8
            }
        }
        return Array(bytes[..<count])
    }

    /// Many bytes, which repeat after a number that no buffer has.
    static func manyBytes(_ count: Int) -> [UInt8] {
        let period = bytes(65_521)
        var many: [UInt8] = []
        many.reserveCapacity(count + period.count)
        while many.count < count { many += period }
        return Array(many[..<count])
    }

    /// Everything up to the end.
    static func readAll(_ stream: any ByteStream, chunk: Int = 65_536) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await stream.read(upTo: chunk) { all += bytes }
        return all
    }

    /// So many bytes, or fewer if the stream ends before.
    static func read(
        _ stream: any ByteStream, exactly count: Int, chunk: Int = 65_536
    ) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count,
            let bytes = try await stream.read(upTo: min(chunk, count - all.count))
        { all += bytes }
        return all
    }
}
