/// What one contender did in one round.
struct Sample: Codable, Sendable {
    var operations: Int
    var wallNanoseconds: Int
    var cpuNanoseconds: Int
    /// Heap allocations an operation, counted in a pass that was not timed. Micro-benchmarks only.
    var allocationsPerOperation: Double?
    /// Times of single round trips. Servers and proxies only.
    var latency: Latency?
    /// What the server holds more than before. Connections only.
    var holdings: Holdings?

    struct Latency: Codable, Sendable {
        var p50Nanoseconds: Int
        var p99Nanoseconds: Int
        /// Nil where the load does not tell.
        var p999Nanoseconds: Int?
    }

    struct Holdings: Codable, Sendable {
        var bytesPerConnection: Double
        var descriptors: Int
    }

    var wallPerOperation: Double { Double(wallNanoseconds) / Double(operations) }
    var cpuPerOperation: Double { Double(cpuNanoseconds) / Double(operations) }
    var operationsPerSecond: Double { Double(operations) * 1e9 / Double(wallNanoseconds) }
}

/// All rounds of one contender in one benchmark; a failed round is nil, so that rounds pair up.
struct Series: Sendable {
    let benchmark: Benchmark
    let contender: Contender
    var rounds: [Sample?] = []

    var samples: [Sample] { rounds.compactMap { $0 } }

    /// The median of a figure over the rounds that worked and have it; nil if none did.
    func median(_ figure: (Sample) -> Double?) -> Double? {
        Statistics.median(samples.compactMap(figure))
    }

    /// Half the distance between the best and the worst round, as a part of the median.
    func spread(_ figure: (Sample) -> Double) -> Double? {
        let values = samples.map(figure)
        guard let low = values.min(), let high = values.max(), let middle = median(figure),
            middle > 0
        else { return nil }
        return (high - low) / 2 / middle
    }

    /// The median of the ratios round by round.
    ///
    /// Both figures of a ratio come from the same round, taken within seconds of each other, so a
    /// machine that is slower for a while changes both and the ratio hardly.
    func ratio(to other: Series, _ figure: (Sample) -> Double?) -> Double? {
        Statistics.median(
            zip(rounds, other.rounds).compactMap { mine, theirs in
                guard let mine = mine.flatMap(figure), let theirs = theirs.flatMap(figure)
                else { return nil }
                return mine / theirs
            })
    }
}

enum Statistics {
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2)
            ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
