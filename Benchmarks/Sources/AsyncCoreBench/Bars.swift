/// A requirement on the figures, and how to judge it.
struct Bar: Sendable {
    enum Limit: Sendable {
        case atMost(Double)
        case atLeast(Double)
    }

    /// What is compared with the limit.
    enum Figure: Sendable {
        /// CPU nanoseconds an operation of one contender, as a multiple of another's.
        case cpuRatio(String, Contender, Contender)
        /// Wall nanoseconds an operation of one contender, as a multiple of another's.
        case wallRatio(String, Contender, Contender)
        /// Wall nanoseconds an operation.
        case wall(String, Contender)
    }

    let title: String
    let figure: Figure
    let limit: Limit

    /// Absolute limits were set on one machine and depend on it; limits on ratios do not.
    static let all: [Bar] = [
        Bar(
            title: "echo: AsyncCore's CPU a round trip, against raw epoll",
            figure: .cpuRatio("echo", .asynccore, .epoll), limit: .atMost(1.10)),
        Bar(
            title: "echo: Dispatch's CPU a round trip, against AsyncCore",
            figure: .cpuRatio("echo", .dispatch, .asynccore), limit: .atLeast(2.2)),
        Bar(
            title: "switch between two tasks, wall",
            figure: .wall("switch", .asynccore), limit: .atMost(200)),
        Bar(
            title: "spawn and await, wall, against the floor",
            figure: .wallRatio("spawn", .asynccore, .floor), limit: .atMost(1.25)),
        Bar(
            title: "100,000 sleeps, wall, each",
            figure: .wall("sleep", .asynccore), limit: .atMost(1_500)),
        Bar(
            title: "100,000 sleeps, wall, default executor against AsyncCore",
            figure: .wallRatio("sleep", .standard, .asynccore), limit: .atLeast(4)),
        Bar(
            title: "a semaphore's permit, nobody waits, wall",
            figure: .wall("permit", .asynccore), limit: .atMost(40)),
        Bar(
            title: "lock and unlock, nobody waits, wall",
            figure: .wall("lock", .asynccore), limit: .atMost(40)),
        Bar(
            title: "wait for an event that is set, wall",
            figure: .wall("event", .asynccore), limit: .atMost(40)),
        Bar(
            title: "an item through a bounded queue, wall",
            figure: .wall("queue", .asynccore), limit: .atMost(150)),
        Bar(
            title: "one of 1,000 tasks gathered, wall",
            figure: .wall("gather", .asynccore), limit: .atMost(500)),
        Bar(
            title: "a timeout around work that is ready, wall",
            figure: .wall("timeout", .asynccore), limit: .atMost(900)),
        Bar(
            title: "one of 1,000,000 timers set and removed, wall",
            figure: .wall("timer", .asynccore), limit: .atMost(250)),
    ]

    func judge(_ results: Results) -> Verdict {
        guard let measured = value(in: results) else {
            return Verdict(
                title: title, limit: limitText, measured: nil, outcome: .unmeasured, beside: "")
        }
        let met =
            switch limit {
            case .atMost(let bound): measured <= bound
            case .atLeast(let bound): measured >= bound
            }
        return Verdict(
            title: title, limit: limitText, measured: measured, isRatio: isRatio,
            outcome: met ? .met : .missed, beside: floorRatio(in: results))
    }

    private var isRatio: Bool {
        if case .wall = figure { false } else { true }
    }

    private var limitText: String {
        switch limit {
        case .atMost(let bound): "<= " + text(bound)
        case .atLeast(let bound): ">= " + text(bound)
        }
    }

    private func text(_ value: Double) -> String {
        isRatio ? Text.ratio(value) : Text.count(value) + " ns"
    }

    private func value(in results: Results) -> Double? {
        switch figure {
        case .cpuRatio(let name, let one, let other):
            guard let mine = results.series(name, one), let theirs = results.series(name, other)
            else { return nil }
            return mine.ratio(to: theirs, \.cpuPerOperation)
        case .wallRatio(let name, let one, let other):
            guard let mine = results.series(name, one), let theirs = results.series(name, other)
            else { return nil }
            return mine.ratio(to: theirs, \.wallPerOperation)
        case .wall(let name, let one):
            return results.series(name, one)?.median(\.wallPerOperation)
        }
    }

    /// For an absolute limit: the same figure as a multiple of the floor on this machine.
    private func floorRatio(in results: Results) -> String {
        guard case .wall(let name, let one) = figure,
            let mine = results.series(name, one), let floor = results.series(name, .floor),
            let ratio = mine.ratio(to: floor, \.wallPerOperation)
        else { return "" }
        return Text.ratio(ratio) + " the floor on this machine"
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
    var isRatio = false
    let outcome: Outcome
    /// What else a reader should know.
    let beside: String

    var measuredText: String {
        guard let measured else { return "-" }
        return isRatio ? Text.ratio(measured) : Text.count(measured) + " ns"
    }
}
