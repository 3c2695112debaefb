import CBenchSupport

/// What an echo server is loaded with.
struct EchoLoad: Sendable {
    let connections: Int32
    let messageBytes: Int32
    /// Messages a second in all; nil: as many as the server answers.
    var pace: Int32?
    /// Who else uses the server.
    var burden = Burden.nothing

    /// Peers that are a burden to the server.
    enum Burden: String, Sendable {
        case nothing
        /// One that sends as much as the server takes.
        case flood
        /// Many that send a byte now and then.
        case trickle
    }

    /// So little that the server has time for more: what is asked is how long an answer takes.
    static func paced(beside burden: Burden) -> EchoLoad {
        EchoLoad(connections: 1_000, messageBytes: 64, pace: 10_000, burden: burden)
    }

    static let trickling = 5_000
    static let tricklePeriodMilliseconds: Int32 = 10_000
}

/// One round of echo: starts a server, loads it, and reads its CPU time.
struct EchoRound {
    let contender: Contender
    let load: EchoLoad
    let plan: Plan
    let machine: Machine

    func run() throws -> Sample {
        let milliseconds = plan.echoWarmUpMilliseconds + plan.echoMilliseconds
        let lifetime = 30 + milliseconds / 1_000
        let server = try ServerProcess(echo: contender, lifetime: lifetime, machine: machine)
        if load.burden == .nothing { return try measure(server) }
        let burden = try ChildProcess(
            ["burden", load.burden.rawValue, "\(server.port)"], lifetime: lifetime,
            core: machine.loadCore)
        let line = try burden.readLine(timeoutMilliseconds: 10_000)
        guard line == "ready" else { throw UnexpectedOutput(line: line) }
        return try measure(server)
    }

    private func measure(_ server: borrowing ServerProcess) throws -> Sample {
        var load = bench_echo_load(
            port: server.port, connections: load.connections, message_bytes: load.messageBytes,
            pace: load.pace ?? 0, warm_up_ns: Int64(plan.echoWarmUpMilliseconds) * 1_000_000,
            duration_ns: Int64(plan.echoMilliseconds) * 1_000_000, server: server.process.pid)
        var result = bench_echo_result()
        try machine.onLoadCore {
            _ = try check(bench_echo_run(&load, &result), "load the server")
        }
        return Sample(
            operations: Int(result.round_trips), wallNanoseconds: Int(result.wall_ns),
            cpuNanoseconds: Int(result.server_cpu_ns),
            latency: Sample.Latency(
                p50Nanoseconds: Int(result.p50_ns), p99Nanoseconds: Int(result.p99_ns),
                p999Nanoseconds: Int(result.p999_ns)))
    }
}

extension ServerProcess {
    /// A child that echoes.
    init(echo contender: Contender, lifetime: Int, machine: Machine) throws {
        try self.init(
            ["serve", contender.rawValue], lifetime: lifetime, core: machine.serverCore)
    }
}
