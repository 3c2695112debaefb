// Random numbers for the steps of a test.
internal import AsyncCore

/// A small generator of random numbers that a seed determines.
///
/// For the choices that a test makes itself, beside those of its loop.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var choices: SeededChoices

    /// A generator; the same seed gives the same numbers.
    public init(seed: UInt64) { choices = SeededChoices(seed: seed) }

    /// The next number.
    public mutating func next() -> UInt64 { choices.next() }

    /// A number from 0 up to, and without, `bound`, which is positive.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no number below \(bound)")
        return choices.below(bound)
    }
}
