import CBenchSupport

/// One round of echo: starts a server, loads it, and reads its CPU time.
struct EchoRound {
    let contender: Contender
    let plan: Plan
    let machine: Machine

    static let connections: Int32 = 64
    static let messageBytes: Int32 = 64

    func run() throws -> Sample {
        let milliseconds = plan.echoWarmUpMilliseconds + plan.echoMilliseconds
        let server = try ChildProcess(
            ["serve", contender.rawValue], lifetime: 30 + milliseconds / 1_000,
            core: machine.serverCore)
        let line = try server.readLine(timeoutMilliseconds: 10_000)
        guard line.hasPrefix("port "), let port = UInt16(line.dropFirst(5)) else {
            throw UnexpectedOutput(line: line)
        }
        var load = bench_echo_load(
            port: port, connections: Self.connections, message_bytes: Self.messageBytes,
            warm_up_ns: Int64(plan.echoWarmUpMilliseconds) * 1_000_000,
            duration_ns: Int64(plan.echoMilliseconds) * 1_000_000, server: server.pid)
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
