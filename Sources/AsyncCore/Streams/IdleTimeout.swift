// An end for connections on which nothing happens.

/// A stream was idle for too long.
public struct IdleTimeoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// How long it could be idle.
    public var duration: Duration

    /// The error of a stream that was idle.
    ///
    /// - Parameter duration: How long it could be idle.
    public init(_ duration: Duration) { self.duration = duration }

    /// What happened, in words.
    public var description: String { "no byte in or out for \(duration)" }
}

extension ByteStream {
    /// Runs `body`, and cancels it if no byte goes in or out of the stream for `duration`.
    ///
    /// ```swift
    /// try await stream.withIdleTimeout(.seconds(30)) { stream in
    ///     while let bytes = try await stream.read(upTo: 65_536) { try await stream.write(bytes) }
    /// }
    /// ```
    /// The body's clean-up is awaited, and the error thrown; a body that ends with a value all the
    /// same has it returned. The stream is not closed. Reads and writes cost nothing more: the
    /// stream's counters are looked at four times in `duration`, so it ends after that time at the
    /// earliest, and a quarter later at the latest.
    ///
    /// A peer that sends a byte now and then is not idle: bound the time of a whole request with
    /// `withTimeout`.
    ///
    /// ## Cancellation
    /// Cancels the body, and waits for it; it is never taken for an idle stream.
    ///
    /// - Parameters:
    ///   - duration: How long the stream may be idle, counted from the call.
    ///   - body: What to do; it gets the stream.
    /// - Returns: The body's value.
    /// - Throws: ``IdleTimeoutError``; `CancellationError` if the caller was cancelled; the body's own
    ///   error; ``EventLoopError/stopped`` if the loop has stopped, or stops before the body ends.
    /// - Precondition: `duration` is more than zero.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func withIdleTimeout<R: Sendable>(
        _ duration: Duration, _ body: sending @escaping (Self) async throws -> R
    ) async throws -> R {
        do {
            return try await idleScope(duration).perform { try await body(self) }
        } catch let ended as EndedByScope {
            throw ended.error(ofIdle: duration)
        }
    }

    /// A scope that ends when the stream is idle.
    @usableFromInline
    func idleScope(_ duration: Duration) -> CancelScope {
        precondition(duration > .zero, "an idle timeout of \(duration)")
        return CancelScope(IdleWatch(limit: duration) { self.bytesRead &+ self.bytesWritten })
    }
}

extension EndedByScope {
    /// The error of a stream's scope.
    @usableFromInline
    func error(ofIdle duration: Duration) -> any Error {
        reason.source == .deadline ? IdleTimeoutError(duration) : reason.error
    }
}
