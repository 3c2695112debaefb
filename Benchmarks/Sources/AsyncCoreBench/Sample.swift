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
    /// The parts of the sample, where the contenders of a round took turns; else nil.
    var slices: [Sample]?

    struct Latency: Codable, Sendable {
        var p50Nanoseconds: Int
        var p99Nanoseconds: Int
        /// Nil where the load does not tell.
        var p999Nanoseconds: Int?

        init(p50Nanoseconds: Int, p99Nanoseconds: Int, p999Nanoseconds: Int? = nil) {
            self.p50Nanoseconds = p50Nanoseconds
            self.p99Nanoseconds = p99Nanoseconds
            self.p999Nanoseconds = p999Nanoseconds
        }

        /// Nil if there are none.
        init?(medianOf all: [Latency]) {
            func median(_ figure: (Latency) -> Int?) -> Int? {
                Statistics.median(all.compactMap(figure).map(Double.init)).map { Int($0) }
            }
            guard let p50 = median(\.p50Nanoseconds), let p99 = median(\.p99Nanoseconds) else {
                return nil
            }
            self.init(
                p50Nanoseconds: p50, p99Nanoseconds: p99,
                p999Nanoseconds: median(\.p999Nanoseconds))
        }
    }

    struct Holdings: Codable, Sendable {
        var bytesPerConnection: Double
        var descriptors: Int
    }

    init(
        operations: Int, wallNanoseconds: Int, cpuNanoseconds: Int,
        allocationsPerOperation: Double? = nil, latency: Latency? = nil, holdings: Holdings? = nil
    ) {
        self.operations = operations
        self.wallNanoseconds = wallNanoseconds
        self.cpuNanoseconds = cpuNanoseconds
        self.allocationsPerOperation = allocationsPerOperation
        self.latency = latency
        self.holdings = holdings
    }

    /// The sum of its slices; its latencies are the medians of theirs.
    init(slices: [Sample]) {
        self.init(
            operations: slices.reduce(0) { $0 + $1.operations },
            wallNanoseconds: slices.reduce(0) { $0 + $1.wallNanoseconds },
            cpuNanoseconds: slices.reduce(0) { $0 + $1.cpuNanoseconds },
            latency: Latency(medianOf: slices.compactMap(\.latency)))
        self.slices = slices
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

    /// The median of the ratios round by round, or slice by slice where rounds have slices.
    ///
    /// Both figures of a ratio come from the same round, taken within seconds of each other, or from
    /// the same turn, within a fraction of a second, so a machine that is slower for a while changes
    /// both and the ratio hardly.
    func ratio(to other: Series, _ figure: (Sample) -> Double?) -> Double? {
        Statistics.median(
            zip(rounds, other.rounds).flatMap { mine, theirs -> [Double] in
                guard let mine, let theirs else { return [] }
                return zip(mine.slices ?? [mine], theirs.slices ?? [theirs]).compactMap {
                    guard let mine = figure($0), let theirs = figure($1) else { return nil }
                    return mine / theirs
                }
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
