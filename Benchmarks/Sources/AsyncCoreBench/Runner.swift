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
            var index = 0
            for entry in selection.entries {
                for (contender, outcome) in zip(entry.contenders, take(entry)) {
                    let step = "round \(round)/\(rounds), \(index + 1)/\(results.series.count)"
                    let name = "\(entry.benchmark.name) \(contender.rawValue)"
                    results.series[index].rounds.append(try? outcome.get())
                    switch outcome {
                    case .success(let sample):
                        Progress.say(
                            "\(step): \(name): \(Text.count(sample.wallPerOperation)) ns wall, "
                                + "\(Text.count(sample.cpuPerOperation)) ns CPU")
                    case .failure(let error):
                        results.failures += 1
                        Progress.say("\(step): \(name): FAILED: \(error)")
                    }
                    index += 1
                }
            }
        }
        return results
    }

    /// A sample of each contender, or why there is none.
    private func take(_ entry: Selection.Entry) -> [Result<Sample, any Error>] {
        func each(_ sample: (Contender) throws -> Sample) -> [Result<Sample, any Error>] {
            entry.contenders.map { contender in Result { try sample(contender) } }
        }
        switch entry.benchmark.kind {
        case .echo(let load):
            return EchoRound(
                contenders: entry.contenders, load: load, plan: plan, machine: machine
            ).run()
        case .connections(let load):
            return each { try ConnectionRound(contender: $0, load: load, machine: machine).run() }
        case .http:
            return each { try HTTPRound(contender: $0, plan: plan, machine: machine).run() }
        case .proxy(let load):
            return each {
                try ProxyRound(contender: $0, load: load, plan: plan, machine: machine).run()
            }
        case .micro:
            return each { try takeMicro(entry.benchmark, $0) }
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
