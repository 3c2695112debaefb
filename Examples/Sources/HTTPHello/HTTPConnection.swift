// A connection: what is read from it, and what is to be written.

import AsyncCore

/// Serves the requests of one connection, in order.
struct HTTPConnection {
    private let stream: TCPStream
    private let limits: HTTPLimits
    private var parser = HTTPRequestParser()

    /// Room for one head; what a client sends ahead waits here, too, or in the kernel.
    private var memory = [UInt8](repeating: 0, count: HTTPRequestParser.maximumHeadSize)
    /// What of it has been read, and is not done with. A head begins at its start.
    private var unread = 0..<0
    /// When the head must be there of which a part is there.
    private var headDeadline: ContinuousClock.Instant?

    /// Answers that are due.
    private var answers: [UInt8] = []

    /// Answers are written when there are so many bytes of them, also to a client that goes on.
    private static let enoughAnswers = 16_384

    init(_ stream: TCPStream, _ limits: HTTPLimits) {
        self.stream = stream
        self.limits = limits
    }

    /// Answers requests until the client has no more, or makes a mistake.
    nonisolated(nonsending) mutating func serve() async throws {
        do {
            try await answerAll()
        } catch let error as HTTPRequestError {
            try await refuse(error)
        }
    }

    private nonisolated(nonsending) mutating func answerAll() async throws {
        while true {
            while !unread.isEmpty {
                // Spans of it, which must not keep all of this from being changed.
                let memory = memory
                guard let head = try parser.parse(memory.span.extracting(unread)) else { break }
                let start = unread.lowerBound
                let target = head.target.lowerBound + start..<head.target.upperBound + start
                let answer = HTTPAnswers.answer(head, memory.span.extracting(target))
                unread = start + head.byteCount..<unread.upperBound
                headDeadline = nil
                if head.body != .none, try await !dropBody(of: head) { return }
                answers.append(contentsOf: answer)
                if !head.keepsAlive { return try await writeAnswers() }
                if answers.count >= Self.enoughAnswers { try await writeAnswers() }
            }
            if !answers.isEmpty { try await writeAnswers() }
            if unread.isEmpty {
                if try await !read() { return }
            } else {
                // Only a head that comes in pieces needs a deadline of its own.
                let deadline = headDeadline ?? .now + limits.headTime
                headDeadline = deadline
                if try await !readMore(by: deadline) { return }
            }
        }
    }

    private nonisolated(nonsending) mutating func writeAnswers() async throws {
        try await stream.write(answers)
        answers.removeAll(keepingCapacity: true)
    }

    // MARK: - Reading

    /// Reads what is there into the memory, of which nothing is needed any more.
    ///
    /// - Returns: False at the end of the stream.
    private nonisolated(nonsending) mutating func read() async throws -> Bool {
        let stream = stream
        var span = memory.mutableSpan
        var bytes = span.mutableBytes
        guard let count = try await stream.read(into: &bytes) else { return false }
        unread = 0..<count
        return true
    }

    /// Reads behind what is unread, under a deadline.
    ///
    /// - Returns: False at the end of the stream.
    private nonisolated(nonsending) mutating func readMore(
        by deadline: ContinuousClock.Instant
    ) async throws -> Bool {
        // There is room: the parser takes no head that is bigger than the memory.
        memory.replaceSubrange(0..<unread.count, with: memory[unread])
        unread = 0..<unread.count
        let room = memory.count - unread.count
        let bytes: [UInt8]?
        do {
            bytes = try await withDeadline(deadline) { [stream] in
                try await stream.read(upTo: room)
            }
        } catch is TimeoutError {
            throw HTTPRequestError(.requestTimeout, "the request took too long")
        }
        guard let bytes else { return false }
        let new = unread.count..<unread.count + bytes.count
        memory.replaceSubrange(new, with: bytes)
        unread = 0..<new.upperBound
        return true
    }

    /// Reads the body, and forgets it.
    ///
    /// - Returns: False if the stream ended before.
    private nonisolated(nonsending) mutating func dropBody(
        of head: HTTPRequestHead
    ) async throws -> Bool {
        var decoder = try HTTPBodyDecoder(head.body, limit: limits.bodySize)
        if head.expectsContinue, unread.isEmpty { answers.append(contentsOf: HTTPAnswers.goOn) }
        let deadline = ContinuousClock.now + limits.bodyTime
        while true {
            let count = try decoder.consume(memory.span.extracting(unread))
            unread = unread.lowerBound + count..<unread.upperBound
            if decoder.isComplete { return true }
            if !answers.isEmpty { try await writeAnswers() }
            if try await !readMore(by: deadline) { return false }
        }
    }

    // MARK: - The end

    /// Says what was wrong, and ends the connection.
    private nonisolated(nonsending) mutating func refuse(
        _ error: HTTPRequestError
    ) async throws {
        answers.append(contentsOf: HTTPAnswers.refusal(error))
        try await writeAnswers()
        try await stream.finishWriting()
        // Closing while the client sends would reset the connection, and the answer might be lost.
        do {
            try await withTimeout(.seconds(1)) { [stream] in
                for _ in 0..<64 {
                    if try await stream.read(upTo: 65_536) == nil { return }
                }
            }
        } catch is TimeoutError {}
    }
}
