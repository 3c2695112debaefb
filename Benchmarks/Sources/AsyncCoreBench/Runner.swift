import CBenchSupport
import Glibc

/// How long things take.
struct Plan: Codable, Sendable {
    var rounds: Int
    var echoWarmUpMilliseconds: Int
    var echoMilliseconds: Int
    /// The least time that a micro-benchmark is repeated for.
    var microMilliseconds: Int

    static let full = Plan(
        rounds: 5, echoWarmUpMilliseconds: 300, echoMilliseconds: 2_000, microMilliseconds: 300)
    static let quick = Plan(
        rounds: 3, echoWarmUpMilliseconds: 100, echoMilliseconds: 500, microMilliseconds: 50)
}

/// Everything that was measured.
struct Results: Sendable {
    var series: [Series]
    var failures = 0

    func series(_ benchmark: String, _ contender: Contender) -> Series? {
        series.first { $0.benchmark.name == benchmark && $0.contender == contender }
    }
}

/// Runs the rounds: everybody once, then everybody again, and so on.
///
/// Interleaving spreads whatever else the machine does over all contenders alike; running one of
/// them five times in a row would give a busy minute to that one alone.
struct Runner: Sendable {
    let selection: Selection
    let plan: Plan
    let rounds: Int
    let machine: Machine

    func run() -> Results {
        var results = Results(
            series: selection.entries.flatMap { entry in
                entry.contenders.map { Series(benchmark: entry.benchmark, contender: $0) }
            })
        if machine.load > 0.5 {
            Progress.say("load average is \(machine.load): other work will show in the figures")
        }
        for round in 1...rounds {
            for index in results.series.indices {
                let step = "round \(round)/\(rounds), \(index + 1)/\(results.series.count)"
                results.series[index].rounds.append(nil)
                let series = results.series[index]
                let name = "\(series.benchmark.name) \(series.contender.rawValue)"
                do {
                    let sample = try take(series.benchmark, series.contender)
                    results.series[index].rounds[round - 1] = sample
                    Progress.say(
                        "\(step): \(name): \(Text.count(sample.wallPerOperation)) ns wall, "
                            + "\(Text.count(sample.cpuPerOperation)) ns CPU")
                } catch {
                    results.failures += 1
                    Progress.say("\(step): \(name): FAILED: \(error)")
                }
            }
        }
        return results
    }

    private func take(_ benchmark: Benchmark, _ contender: Contender) throws -> Sample {
        switch benchmark.kind {
        case .echo(let load):
            try EchoRound(contender: contender, load: load, plan: plan, machine: machine).run()
        case .connections(let load):
            try ConnectionRound(contender: contender, load: load, machine: machine).run()
        case .http: try HTTPRound(contender: contender, plan: plan, machine: machine).run()
        case .proxy(let load):
            try ProxyRound(contender: contender, load: load, plan: plan, machine: machine).run()
        case .micro: try takeMicro(benchmark, contender)
        }
    }

    /// One micro-benchmark, in a child.
    private func takeMicro(_ benchmark: Benchmark, _ contender: Contender) throws -> Sample {
        let child = try ChildProcess(
            ["sample", benchmark.name, contender.rawValue, "\(plan.microMilliseconds)"],
            lifetime: 60, core: nil)
        let line = try child.readLine(timeoutMilliseconds: 30_000)
        guard let sample = Sample(encodedLine: line) else {
            throw UnexpectedOutput(line: line)
        }
        return sample
    }
}

/// A child said something that its parent does not understand.
struct UnexpectedOutput: Error, CustomStringConvertible {
    let line: String

    var description: String { "unexpected output of the child: \(line)" }
}

/// Lines for whoever waits, on standard error: standard output has the report alone.
enum Progress {
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
