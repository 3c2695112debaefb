/// The load of HTTP: wrk, with one request under way on each connection.
struct WrkLoad {
    let port: UInt16
    let connections: Int
    let machine: Machine

    /// What wrk counted in one run.
    struct Report {
        let requests: Int
        let wallNanoseconds: Int
        let latency: Sample.Latency
    }

    /// Has it end with a line for us.
    private static let script =
        String(#filePath[...(#filePath.lastIndex(of: "/") ?? #filePath.startIndex)])
        + "wrk-report.lua"

    func run(seconds: Int) throws -> Report {
        let wrk = try ChildProcess(
            [
                "run", "--", Tool.wrk.rawValue, "--threads", "1", "--connections", "\(connections)",
                "--duration", "\(seconds)s", "--script", Self.script, "http://127.0.0.1:\(port)/",
            ], lifetime: 30 + seconds, core: machine.loadCore)
        while true {
            let line = try wrk.readLine(timeoutMilliseconds: (10 + seconds) * 1_000)
            if line.hasPrefix("report ") { return try Report(line) }
        }
    }
}

extension WrkLoad.Report {
    fileprivate init(_ line: String) throws {
        let numbers = line.split(separator: " ").dropFirst().compactMap { Int($0) }
        // An answer that is not the page, or none, counts as an error.
        guard numbers.count == 6, numbers[0] > 0, numbers[2] == 0 else {
            throw UnexpectedOutput(line: line)
        }
        self.init(
            requests: numbers[0], wallNanoseconds: numbers[1] * 1_000,
            latency: Sample.Latency(
                p50Nanoseconds: numbers[3] * 1_000, p99Nanoseconds: numbers[4] * 1_000,
                p999Nanoseconds: numbers[5] * 1_000))
    }
}
