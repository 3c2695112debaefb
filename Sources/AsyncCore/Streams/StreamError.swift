// What the bytes of a stream can be wrong about, as opposed to the stream itself (IOError).

/// The bytes of a stream are not what was asked for.
///
/// The bytes that were read meanwhile are not lost: they are still in the ``BufferedReader``, and
/// the next read begins with them.
public enum StreamError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The stream ended before everything that was asked for had come.
    ///
    /// `received` is how many bytes had.
    case endedEarly(received: Int)

    /// More bytes came than `limit`, or were announced, without an end of what was asked for.
    case limitExceeded(limit: Int)

    /// What happened, in words.
    public var description: String {
        switch self {
        case .endedEarly(let received):
            "the stream ended too early: \(received) bytes of what was asked for had come"
        case .limitExceeded(let limit):
            "more than the limit of \(limit) bytes"
        }
    }
}
