// The error of a body that failed under one of its seeds.

/// A body failed under a seed.
public struct SeedFailure: Error, Sendable, CustomStringConvertible {
    /// The seed; the same seed gives the same order again.
    public let seed: UInt64

    /// What the body threw; nil if an expectation failed, which was reported by itself.
    public let error: (any Error)?

    /// What happened, and how to see it again.
    public var description: String {
        let what = error.map { ": \($0)" } ?? " (see the issues above)"
        return "failed under seed \(seed)\(what)\n\(Self.replay(seed))"
    }

    static func replay(_ seed: UInt64) -> String {
        "to run it again: \(Seeds.variable)=\(seed)"
    }
}
