import CBenchSupport
import Glibc

/// One round of HTTP: starts a server, looks at its answer, loads it with wrk, and reads its CPU time.
struct HTTPRound {
    let contender: Contender
    let plan: Plan
    let machine: Machine

    static let connections = 64
    /// What every server answers, to the byte.
    static let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"

    func run() throws -> Sample {
        // wrk takes whole seconds.
        let seconds = max(1, plan.echoMilliseconds / 1_000)
        let server = try ServerProcess(
            program: program(), lifetime: 30 + seconds, core: machine.serverCore)
        try checkAnswer(of: server)
        let load = WrkLoad(port: server.port, connections: Self.connections, machine: machine)
        _ = try load.run(seconds: 1)
        let cpu = bench_cpu_ns_of(server.process.pid)
        let report = try load.run(seconds: seconds)
        let cpuAfter = bench_cpu_ns_of(server.process.pid)
        guard cpu >= 0, cpuAfter >= 0 else {
            throw SystemFailure(errno: ESRCH, purpose: "read the server's CPU time")
        }
        return Sample(
            operations: report.requests, wallNanoseconds: report.wallNanoseconds,
            cpuNanoseconds: Int(cpuAfter - cpu), latency: report.latency)
    }

    private func program() throws -> [String] {
        switch contender {
        case .asynccore: ["http-hello", "--port", "0"]
        case .nio: ["nio-hello"]
        case .epoll, .dispatch, .floor, .standard, .direct:
            throw SystemFailure(errno: ENOENT, purpose: "serve HTTP with \(contender.rawValue)")
        }
    }

    /// A server that does less for an answer would have less to do.
    private func checkAnswer(of server: borrowing ServerProcess) throws {
        let socket = try check(bench_connect(server.port), "connect with the server")
        defer { close(socket) }
        let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { throw SystemFailure(errno: errno, purpose: "ask the server") }
        var received = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 1024)
        while received.count < Self.answer.utf8.count {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw SystemFailure(errno: count < 0 ? errno : EPIPE, purpose: "read the answer")
            }
            received += buffer.prefix(count)
        }
        let answer = String(decoding: received, as: UTF8.self)
        guard answer == Self.answer else { throw UnexpectedOutput(line: answer) }
    }
}
