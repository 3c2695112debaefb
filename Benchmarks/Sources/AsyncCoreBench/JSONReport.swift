import FoundationEssentials

/// Every figure of a run, for programs: what the table shows, and each round behind it.
struct JSONReport: Encodable {
    let machine: Machine
    let plan: Plan
    let series: [EncodedSeries]
    let verdicts: [Verdict]
    let failures: Int

    struct EncodedSeries: Encodable {
        let benchmark: String
        let operation: String
        let contender: Contender
        let medianWallNanosecondsPerOperation: Double?
        let medianCPUNanosecondsPerOperation: Double?
        /// One for each round; null where the round failed.
        let rounds: [Sample?]
    }

    init(machine: Machine, plan: Plan, results: Results, verdicts: [Verdict]) {
        self.machine = machine
        self.plan = plan
        self.verdicts = verdicts
        failures = results.failures
        series = results.series.map { series in
            EncodedSeries(
                benchmark: series.benchmark.name, operation: series.benchmark.operation,
                contender: series.contender,
                medianWallNanosecondsPerOperation: series.median(\.wallPerOperation),
                medianCPUNanosecondsPerOperation: series.median(\.cpuPerOperation),
                rounds: series.rounds)
        }
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}
