import ArgumentParser

/// The command line: runs the benchmarks and prints the report.
///
/// The subcommands are hidden: they are how it runs itself as a child.
@main
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "asynccore-bench",
        abstract: "Measures AsyncCore against its peers and against the floor, in one run.",
        usage: "asynccore-bench [<options>]",
        subcommands: [
            ServeCommand.self, ProxyCommand.self, BurdenCommand.self, RunCommand.self,
            SampleCommand.self,
        ])

    @Option(help: ArgumentHelp("Write every figure to this file.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Only benchmarks or contenders whose name contains this; may be repeated.",
            valueName: "name"))
    var filter: [String] = []

    @Option(help: "Rounds; the report shows medians.")
    var rounds: Int?

    @Flag(help: "Three short rounds: to see that all works, not to quote.")
    var quick = false

    @Flag(help: "List the benchmarks and their contenders, and end.")
    var list = false

    @Flag(help: "End with status 1 if a bar is missed.")
    var strict = false

    func validate() throws {
        if let rounds, !(1...100).contains(rounds) {
            throw ValidationError("--rounds takes 1 to 100.")
        }
    }

    func run() throws {
        let selection = Selection(filters: filter)
        for line in selection.leftOut { Progress.say(line) }
        guard !selection.entries.isEmpty else {
            throw ValidationError(
                selection.leftOut.isEmpty
                    ? "No benchmark matches; --list shows what there is."
                    : "All that matches is left out.")
        }
        if list {
            for entry in selection.entries {
                let names = entry.contenders.map(\.rawValue).joined(separator: ", ")
                print("\(entry.benchmark.name): \(entry.benchmark.operation) (\(names))")
            }
            return
        }
        let plan = quick ? Plan.quick : Plan.full
        let machine = Machine.current()
        let runner = Runner(
            selection: selection, plan: plan, rounds: rounds ?? plan.rounds, machine: machine)
        let results = runner.run()
        let verdicts = Bar.all.map { $0.judge(results) }
        print(TableReport(machine: machine, results: results, verdicts: verdicts).text)
        if let json {
            try JSONReport(machine: machine, plan: plan, results: results, verdicts: verdicts)
                .write(to: json)
        }
        if results.failures > 0 {
            Progress.say("\(results.failures) samples failed; see above")
            throw ExitCode.failure
        }
        if strict, verdicts.contains(where: { $0.outcome == .missed }) {
            throw ExitCode.failure
        }
    }
}

/// Which benchmarks and contenders were asked for.
struct Selection: Sendable {
    struct Entry: Sendable {
        let benchmark: Benchmark
        let contenders: [Contender]
    }

    let entries: [Entry]
    /// A line for each group of benchmarks that were asked for, but lack programs: which, and how to
    /// get them.
    let leftOut: [String]

    /// A filter selects a benchmark with everybody in it, or a contender wherever it takes part.
    init(filters: [String]) {
        let wanted = Self.entries(filters)
        let lacking = wanted.map { (entry: $0, tools: $0.benchmark.missingTools) }
        entries = lacking.filter(\.tools.isEmpty).map(\.entry)
        var groups: [(tools: [Tool], names: [String])] = []
        for (entry, tools) in lacking where !tools.isEmpty {
            if groups.last?.tools != tools { groups.append((tools, [])) }
            groups[groups.count - 1].names.append(entry.benchmark.name)
        }
        leftOut = groups.map { tools, names in
            let missing = tools.map(\.rawValue).joined(separator: " and ")
            let packages = tools.map(\.package).joined(separator: " ")
            return "left out: \(names.joined(separator: ", ")), for want of \(missing) "
                + "(apt-get install \(packages))"
        }
    }

    private static func entries(_ filters: [String]) -> [Entry] {
        Benchmark.all.compactMap { benchmark in
            let able = benchmark.contenders.filter(availableContenders.contains)
            let byName = filters.isEmpty || filters.contains { benchmark.name.contains($0) }
            let chosen =
                byName
                ? able : able.filter { one in filters.contains { one.rawValue.contains($0) } }
            return chosen.isEmpty ? nil : Entry(benchmark: benchmark, contenders: chosen)
        }
    }
}
