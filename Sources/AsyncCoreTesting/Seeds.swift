// Which seeds a test runs under, and how the environment changes that.
internal import AsyncCore

/// The seeds of a test.
public enum Seeds {
    /// The environment variable that names the one seed to run under: "to replay".
    public static let variable = "ASYNCCORE_SEED"

    /// The environment variable with the number of seeds to run under instead of what the tests
    /// say: for long runs at night.
    public static let countVariable = "ASYNCCORE_SEEDS"

    /// The seeds 1 to `count`, unless the environment says otherwise.
    static func chosen(_ count: Int) -> [UInt64] {
        precondition(count >= 1, "a test runs under one seed at least")
        if let seed = number(in: variable) { return [seed] }
        let count = number(in: countVariable).map { max($0, 1) } ?? UInt64(count)
        return Array(1...count)
    }

    private static func number(in variable: String) -> UInt64? {
        guard let text = Environment.value(of: variable) else { return nil }
        guard let number = UInt64(text) else {
            preconditionFailure("\(variable)=\(text) is no seed: a number from 0 to 2^64 - 1 is")
        }
        return number
    }
}
