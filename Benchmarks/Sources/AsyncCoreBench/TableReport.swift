/// The report that a person reads.
struct TableReport {
    let machine: Machine
    let results: Results
    let verdicts: [Verdict]

    var text: String {
        let rounds = results.series.map(\.rounds.count).max() ?? 0
        let tables = [
            heading(rounds), echoTable, connectionTable, httpTable, proxyTable, microTable,
            barTable,
        ]
        return tables.compactMap { $0 }.joined(separator: "\n\n")
    }

    private func heading(_ rounds: Int) -> String {
        """

        \(machine.processor), \(machine.cores.count) cores, Linux \(machine.kernel), \
        load \(Text.decimal(machine.load, places: 2)) at the start
        Medians of \(rounds) interleaved rounds; +- is half of worst minus best.
        """
    }

    private var echoTable: String? {
        let echo = results.series.filter {
            if case .echo = $0.benchmark.kind { true } else { false }
        }
        return serverTable(echo, title: "Echo: round trips", trip: "trip")
    }

    private var httpTable: String? {
        let http = results.series.filter {
            if case .http = $0.benchmark.kind { true } else { false }
        }
        return serverTable(http, title: "HTTP: requests of wrk", trip: "request")
    }

    /// What answers cost a server.
    private func serverTable(_ all: [Series], title: String, trip: String) -> String? {
        guard !all.isEmpty else { return nil }
        var table = TextTable(
            [
                "load", "server", "CPU ns/\(trip)", "+-", "ratio", "\(trip)s/s", "busy", "p50 us",
                "p99 us", "p99.9 us",
            ],
            leading: 2)
        for (series, first, leads) in grouped(all) {
            table.add(
                cpuCells(series, first, leads) + [
                    text(series.median(\.operationsPerSecond)),
                    text(series.median { $0.cpuPerOperation / $0.wallPerOperation }, Text.percent),
                    microseconds(series) { $0.p50Nanoseconds },
                    microseconds(series) { $0.p99Nanoseconds },
                    microseconds(series) { $0.p999Nanoseconds ?? 0 },
                ])
        }
        return "\(title), \(place(of: "server"))\n\n" + table.text
    }

    private func place(of server: String) -> String {
        guard let core = machine.serverCore, let load = machine.loadCore else {
            return "ONE core for \(server) and load"
        }
        return "\(server) on core \(core), load on core \(load)"
    }

    private var proxyTable: String? {
        let proxies = results.series.filter {
            if case .proxy = $0.benchmark.kind { true } else { false }
        }
        guard !proxies.isEmpty else { return nil }
        var table = TextTable(
            [
                "load", "proxy", "requests/s", "+-", "ratio", "CPU ns/request", "busy", "p50 us",
                "p99 us",
            ],
            leading: 2)
        for (series, first, leads) in grouped(proxies) {
            let isThere = series.contender != .direct
            table.add([
                leads ? series.benchmark.operation : "",
                series.benchmark.note(for: series.contender),
                text(series.median(\.operationsPerSecond)),
                text(series.spread(\.operationsPerSecond), Text.percent),
                text(series.ratio(to: first, \.operationsPerSecond), Text.ratio),
                isThere ? text(series.median(\.cpuPerOperation)) : "",
                isThere
                    ? text(
                        series.median { $0.cpuPerOperation / $0.wallPerOperation }, Text.percent)
                    : "",
                microseconds(series) { $0.p50Nanoseconds },
                microseconds(series) { $0.p99Nanoseconds },
            ])
        }
        return "Proxy: requests to redis through it, \(place(of: "proxy"))\n\n" + table.text
    }

    private var connectionTable: String? {
        let connections = results.series.filter {
            if case .connections = $0.benchmark.kind { true } else { false }
        }
        guard !connections.isEmpty else { return nil }
        var table = TextTable(
            ["connections", "server", "CPU ns", "+-", "ratio", "wall ns", "memory", "descriptors"],
            leading: 2)
        for (series, first, leads) in grouped(connections) {
            table.add(
                cpuCells(series, first, leads) + [
                    text(series.median(\.wallPerOperation)),
                    text(series.median(Measure.memory.figure)),
                    text(series.median(Measure.descriptors.figure)),
                ])
        }
        return
            "Connections: each costs, and holds (idle) or leaves (made and closed), in the server\n\n"
            + table.text
    }

    /// Who did what, at what cost.
    private func cpuCells(_ series: Series, _ first: Series, _ leads: Bool) -> [String] {
        [
            leads ? series.benchmark.operation : "",
            series.benchmark.note(for: series.contender),
            text(series.median(\.cpuPerOperation)),
            text(series.spread(\.cpuPerOperation), Text.percent),
            text(series.ratio(to: first, \.cpuPerOperation), Text.ratio),
        ]
    }

    /// Each series with the first of its benchmark, and whether it is that one.
    private func grouped(_ all: [Series]) -> [(series: Series, first: Series, leads: Bool)] {
        var first: Series?
        return all.map { series in
            if let first, first.benchmark.name == series.benchmark.name {
                return (series, first, false)
            }
            first = series
            return (series, series, true)
        }
    }

    private var microTable: String? {
        let micro = results.series.filter {
            if case .micro = $0.benchmark.kind { true } else { false }
        }
        guard !micro.isEmpty else { return nil }
        var table = TextTable(
            ["operation", "on", "wall ns", "+-", "ratio", "CPU ns", "mallocs"], leading: 2)
        for (series, first, leads) in grouped(micro) {
            table.add([
                leads ? series.benchmark.operation : "",
                series.benchmark.note(for: series.contender),
                text(series.median(\.wallPerOperation)),
                text(series.spread(\.wallPerOperation), Text.percent),
                text(series.ratio(to: first, \.wallPerOperation), Text.ratio),
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
