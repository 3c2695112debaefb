/// A requirement on the figures, and how to judge it.
struct Bar: Sendable {
    enum Limit: Sendable {
        case atMost(Double)
        case atLeast(Double)
    }

    /// What is compared with the limit.
    enum Figure: Sendable {
        /// A measure of one contender, as a multiple of another's.
        case ratio(String, Contender, Contender, Measure)
        /// A measure of one contender.
        case value(String, Contender, Measure)
    }

    let title: String
    let figure: Figure
    let limit: Limit

    /// Absolute limits were set on one machine and depend on it; limits on ratios do not.
    static let all: [Bar] = [
        Bar(
            title: "echo: AsyncCore's CPU a round trip, against raw epoll",
            figure: .ratio("echo", .asynccore, .epoll, .cpu), limit: .atMost(1.05)),
        Bar(
            title: "echo, 1,000 connections: the same",
            figure: .ratio("echo-1000", .asynccore, .epoll, .cpu), limit: .atMost(1.05)),
        Bar(
            title: "echo, 16 KiB: the same",
            figure: .ratio("echo-16k", .asynccore, .epoll, .cpu), limit: .atMost(1.05)),
        Bar(
            title: "echo, one connection: p50, against raw epoll",
            figure: .ratio("echo-single", .asynccore, .epoll, .p50), limit: .atMost(1.05)),
        Bar(
            title: "echo: Dispatch's CPU a round trip, against AsyncCore",
            figure: .ratio("echo", .dispatch, .asynccore, .cpu), limit: .atLeast(2.2)),
        Bar(
            title: "1,000 echo peers beside a flood: p99",
            figure: .value("flood", .asynccore, .p99), limit: .atMost(10_000_000)),
        Bar(
            title: "1,000 echo peers beside 5,000 that trickle: p99",
            figure: .value("loris", .asynccore, .p99), limit: .atMost(10_000_000)),
        Bar(
            title: "resident memory of an idle connection",
            figure: .value("idle", .asynccore, .memory), limit: .atMost(2_500)),
        Bar(
            title: "memory left of 10,000 connections, each",
            figure: .value("churn", .asynccore, .memory), limit: .atMost(10)),
        Bar(
            title: "descriptors left of 10,000 connections",
            figure: .value("churn", .asynccore, .descriptors), limit: .atMost(0)),
        Bar(
            title: "HTTP: http-hello's CPU a request, against SwiftNIO",
            figure: .ratio("http", .asynccore, .nio, .cpu), limit: .atMost(0.6)),
        Bar(
            title: "redis through tcp-proxy: requests a second, against a proxy in C",
            figure: .ratio("proxy", .asynccore, .epoll, .rate), limit: .atLeast(0.9)),
        Bar(
            title: "redis through tcp-proxy, 16 requests at once: the same",
            figure: .ratio("proxy-16", .asynccore, .epoll, .rate), limit: .atLeast(0.9)),
        Bar(
            title: "switch between two tasks, wall",
            figure: .value("switch", .asynccore, .wall), limit: .atMost(200)),
        Bar(
            title: "spawn and await, wall, against the floor",
            figure: .ratio("spawn", .asynccore, .floor, .wall), limit: .atMost(1.25)),
        Bar(
            title: "100,000 sleeps, wall, each",
            figure: .value("sleep", .asynccore, .wall), limit: .atMost(1_500)),
        Bar(
            title: "100,000 sleeps, wall, default executor against AsyncCore",
            figure: .ratio("sleep", .standard, .asynccore, .wall), limit: .atLeast(4)),
        Bar(
            title: "a semaphore's permit, nobody waits, wall",
            figure: .value("permit", .asynccore, .wall), limit: .atMost(40)),
        Bar(
            title: "lock and unlock, nobody waits, wall",
            figure: .value("lock", .asynccore, .wall), limit: .atMost(40)),
        Bar(
            title: "wait for an event that is set, wall",
            figure: .value("event", .asynccore, .wall), limit: .atMost(40)),
        Bar(
            title: "an item through a bounded queue, wall",
            figure: .value("queue", .asynccore, .wall), limit: .atMost(150)),
        Bar(
            title: "one of 1,000 tasks gathered, wall",
            figure: .value("gather", .asynccore, .wall), limit: .atMost(500)),
        Bar(
            title: "a timeout around work that is ready, wall",
            figure: .value("timeout", .asynccore, .wall), limit: .atMost(900)),
        Bar(
            title: "one of 1,000,000 timers set and removed, wall",
            figure: .value("timer", .asynccore, .wall), limit: .atMost(250)),
    ]

    func judge(_ results: Results) -> Verdict {
        guard let measured = value(in: results) else {
            return Verdict(
                title: title, limit: limitText, measured: nil, unit: unit, outcome: .unmeasured,
                beside: "")
        }
        let met =
            switch limit {
            case .atMost(let bound): measured <= bound
            case .atLeast(let bound): measured >= bound
            }
        return Verdict(
            title: title, limit: limitText, measured: measured, unit: unit,
            outcome: met ? .met : .missed, beside: floorRatio(in: results))
    }

    private var unit: String {
        switch figure {
        case .ratio: "x"
        case .value(_, _, let measure): measure.unit
        }
    }

    private var limitText: String {
        switch limit {
        case .atMost(let bound): "<= " + text(bound)
        case .atLeast(let bound): ">= " + text(bound)
        }
    }

    private func text(_ value: Double) -> String { Verdict.text(value, unit) }

    private func value(in results: Results) -> Double? {
        switch figure {
        case .ratio(let name, let one, let other, let measure):
            guard let mine = results.series(name, one), let theirs = results.series(name, other)
            else { return nil }
            return mine.ratio(to: theirs, measure.figure)
        case .value(let name, let one, let measure):
            return results.series(name, one)?.median(measure.figure)
        }
    }

    /// For an absolute limit on time: the same figure as a multiple of the floor on this machine.
    private func floorRatio(in results: Results) -> String {
        guard case .value(let name, let one, .wall) = figure,
            let mine = results.series(name, one), let floor = results.series(name, .floor),
            let ratio = mine.ratio(to: floor, \.wallPerOperation)
        else { return "" }
        return Text.ratio(ratio) + " the floor on this machine"
    }
}

/// What a sample is judged by.
enum Measure: Sendable {
    case cpu, wall, rate, p50, p99, memory, descriptors

    /// Nil for a sample that does not have it.
    var figure: @Sendable (Sample) -> Double? {
        switch self {
        case .cpu: { $0.cpuPerOperation }
        case .wall: { $0.wallPerOperation }
        case .rate: { $0.operationsPerSecond }
        case .p50: { $0.latency.map { Double($0.p50Nanoseconds) } }
        case .p99: { $0.latency.map { Double($0.p99Nanoseconds) } }
        case .memory: { $0.holdings?.bytesPerConnection }
        case .descriptors: { $0.holdings.map { Double($0.descriptors) } }
        }
    }

    var unit: String {
        switch self {
        case .cpu, .wall, .p50, .p99: "ns"
        case .rate: "a second"
        case .memory: "bytes"
        case .descriptors: ""
        }
    }
}

/// How a bar came out.
struct Verdict: Codable, Sendable {
    enum Outcome: String, Codable, Sendable {
        case met
        case missed
        case unmeasured
    }

    let title: String
    let limit: String
    let measured: Double?
    /// "x" for a ratio.
    let unit: String
    let outcome: Outcome
    /// What else a reader should know.
    let beside: String

    var measuredText: String {
        guard let measured else { return "-" }
        return Self.text(measured, unit)
    }

    static func text(_ value: Double, _ unit: String) -> String {
        switch unit {
        case "x": Text.ratio(value)
        case "": Text.count(value)
        default: Text.count(value) + " " + unit
        }
    }
}
