import Glibc

/// A redis-server that keeps nothing, on the core of the load.
struct RedisServer: ~Copyable {
    let port: UInt16
    private let process: ChildProcess

    init(lifetime: Int, machine: Machine) throws {
        // It takes no port 0. Should somebody else take this one meanwhile, it ends, and the sample
        // fails.
        let port = try LoopbackListener.freePort()
        let process = try ChildProcess(
            [
                "run", "--", Tool.redisServer.rawValue, "--port", "\(port)", "--bind", "127.0.0.1",
                "--save", "", "--appendonly", "no", "--dir", "/tmp", "--daemonize", "no",
            ], lifetime: lifetime, core: machine.loadCore)
        while try !process.readLine(timeoutMilliseconds: 10_000)
            .contains("Ready to accept connections")
        {}
        self.port = port
        self.process = process
    }
}

/// redis-benchmark, with 50 connections.
struct RedisBenchmark {
    let port: UInt16
    /// Requests that a connection sends before it reads the answers.
    let depth: Int
    let machine: Machine

    enum Request: String {
        case get
        /// Sets what `get` gets.
        case set
    }

    struct Report {
        let requestsPerSecond: Double
        /// Of a request, or of all that are sent at once.
        let latency: Sample.Latency
    }

    func run(_ request: Request, requests: Int) throws -> Report {
        let benchmark = try ChildProcess(
            [
                "run", "--", Tool.redisBenchmark.rawValue, "-h", "127.0.0.1", "-p", "\(port)",
                "-c", "50", "-P", "\(depth)", "-n", "\(requests)", "-t", request.rawValue, "--csv",
            ], lifetime: 60, core: machine.loadCore)
        let names = try fields(of: benchmark)
        let values = try fields(of: benchmark)
        let table = Dictionary(zip(names, values)) { first, _ in first }
        func number(_ name: String) throws -> Double {
            guard let value = table[name].flatMap(Double.init), value > 0 else {
                throw UnexpectedOutput(line: "\(names) \(values)")
            }
            return value
        }
        return try Report(
            requestsPerSecond: number("rps"),
            latency: Sample.Latency(
                p50Nanoseconds: Int(number("p50_latency_ms") * 1e6),
                p99Nanoseconds: Int(number("p99_latency_ms") * 1e6)))
    }

    /// A line of values in quotes, separated by commas.
    private func fields(of benchmark: borrowing ChildProcess) throws -> [String] {
        try benchmark.readLine(timeoutMilliseconds: 50_000).split(separator: ",").map {
            String($0.drop { $0 == "\"" }.prefix { $0 != "\"" })
        }
    }
}
