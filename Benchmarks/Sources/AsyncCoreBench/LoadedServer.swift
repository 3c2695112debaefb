import CBenchSupport

/// An echo server in a process of its own, and the connections that load it when they are told to.
final class LoadedServer {
    private let server: ServerProcess
    private let burden: ChildProcess?
    private let client: OpaquePointer

    init(_ contender: Contender, load: EchoLoad, lifetime: Int, machine: Machine) throws {
        let server = try ServerProcess(echo: contender, lifetime: lifetime, machine: machine)
        let burden = try Self.burden(load.burden, server.port, lifetime, machine)
        var shape = bench_echo_load(
            port: server.port, connections: load.connections, message_bytes: load.messageBytes,
            pace: load.pace ?? 0, server: server.process.pid)
        var client: OpaquePointer?
        _ = try machine.onLoadCore {
            try check(bench_echo_open(&shape, &client), "connect to the server")
        }
        guard let client else { preconditionFailure("opened without an error, and not there") }
        self.server = server
        self.burden = burden
        self.client = client
    }

    private static func burden(
        _ burden: EchoLoad.Burden, _ port: UInt16, _ lifetime: Int, _ machine: Machine
    ) throws -> ChildProcess? {
        if burden == .nothing { return nil }
        let child = try ChildProcess(
            ["burden", burden.rawValue, "\(port)"], lifetime: lifetime, core: machine.loadCore)
        let line = try child.readLine(timeoutMilliseconds: 10_000)
        guard line == "ready" else { throw UnexpectedOutput(line: line) }
        return child
    }

    deinit { bench_echo_close(client) }

    /// Loads it, and counts what happens after the warm-up.
    func drive(warmUp: Int, milliseconds: Int, _ machine: Machine) throws -> Sample {
        var result = bench_echo_result()
        _ = try machine.onLoadCore {
            try check(
                bench_echo_drive(
                    client, Int64(warmUp) * 1_000_000, Int64(milliseconds) * 1_000_000, &result),
                "load the server")
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
