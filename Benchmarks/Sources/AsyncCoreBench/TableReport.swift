/// The report that a person reads.
struct TableReport {
    let machine: Machine
    let results: Results
    let verdicts: [Verdict]

    var text: String {
        let rounds = results.series.map(\.rounds.count).max() ?? 0
        return ([heading(rounds), echoTable, microTable, barTable] as [String?])
            .compactMap { $0 }.joined(separator: "\n\n")
    }

    private func heading(_ rounds: Int) -> String {
        """

        \(machine.processor), \(machine.cores.count) cores, Linux \(machine.kernel), \
        load \(Text.decimal(machine.load, places: 2)) at the start
        Medians of \(rounds) interleaved rounds; +- is half of worst minus best.
        """
    }

    private var echoTable: String? {
        let echo = results.series.filter { $0.benchmark.kind == .echo }
        guard let first = echo.first else { return nil }
        var table = TextTable(
            [
                "server", "CPU ns/trip", "+-", "ratio", "trips/s", "busy", "p50 us", "p99 us",
                "p99.9 us",
            ],
            leading: 1)
        for series in echo {
            table.add([
                series.benchmark.note(for: series.contender),
                text(series.median(\.cpuPerOperation)),
                text(series.spread(\.cpuPerOperation), Text.percent),
                text(series.ratio(to: first, \.cpuPerOperation), Text.ratio),
                text(series.median(\.operationsPerSecond)),
                text(series.median { $0.cpuPerOperation / $0.wallPerOperation }, Text.percent),
                microseconds(series) { $0.p50Nanoseconds },
                microseconds(series) { $0.p99Nanoseconds },
                microseconds(series) { $0.p999Nanoseconds },
            ])
        }
        let place =
            if let server = machine.serverCore, let load = machine.loadCore {
                "server on core \(server), load on core \(load)"
            } else {
                "ONE core for server and load"
            }
        return "Echo: 64-byte round trips on 64 connections, \(place)\n\n" + table.text
    }

    private var microTable: String? {
        let micro = results.series.filter { $0.benchmark.kind == .micro }
        guard !micro.isEmpty else { return nil }
        var table = TextTable(
            ["operation", "on", "wall ns", "+-", "ratio", "CPU ns", "mallocs"], leading: 2)
        var first: Series?
        for series in micro {
            let leads = series.benchmark.name != first?.benchmark.name
            if leads { first = series }
            table.add([
                leads ? series.benchmark.operation : "",
                series.benchmark.note(for: series.contender),
                text(series.median(\.wallPerOperation)),
                text(series.spread(\.wallPerOperation), Text.percent),
                text(first.flatMap { series.ratio(to: $0, \.wallPerOperation) }, Text.ratio),
                text(series.median(\.cpuPerOperation)),
                text(series.median { $0.allocationsPerOperation ?? 0 }) {
                    Text.decimal($0, places: 2)
                },
            ])
        }
        return "One operation; ratio is wall time against the first of each group\n\n"
            + table.text
    }

    private var barTable: String {
        var table = TextTable(["bar", "limit", "measured", "verdict", ""], leading: 5)
        for verdict in verdicts {
            let word =
                switch verdict.outcome {
                case .met: "met"
                case .missed: "MISSED"
                case .unmeasured: "not measured"
                }
            table.add([verdict.title, verdict.limit, verdict.measuredText, word, verdict.beside])
        }
        return "Against the bar\n\n" + table.text
    }

    private func text(_ value: Double?, _ format: (Double) -> String = Text.count) -> String {
        value.map(format) ?? "failed"
    }

    private func microseconds(_ series: Series, _ figure: (Sample.Latency) -> Int) -> String {
        text(series.median { $0.latency.map { Double(figure($0)) / 1_000 } ?? 0 })
    }
}
