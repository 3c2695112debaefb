import CBenchSupport
import Glibc

/// What goes through a proxy.
struct ProxyLoad: Sendable {
    /// Requests that a client sends before it reads the answers.
    let depth: Int
}

/// One round of redis through a proxy: starts both, loads them, and reads the proxy's CPU time.
struct ProxyRound {
    let contender: Contender
    let load: ProxyLoad
    let plan: Plan
    let machine: Machine

    func run() throws -> Sample {
        let lifetime = 60 + plan.echoMilliseconds / 1_000
        let redis = try RedisServer(lifetime: lifetime, machine: machine)
        switch contender {
        case .direct: return try measure(redis.port, nil)
        case .epoll:
            let proxy = try ServerProcess(
                ["proxy", "\(redis.port)"], lifetime: lifetime, core: machine.serverCore)
            return try measure(proxy.port, proxy.process.pid)
        case .asynccore:
            let proxy = try ServerProcess(
                program: ["tcp-proxy", "--port", "0", "--target", "127.0.0.1:\(redis.port)"],
                lifetime: lifetime, core: machine.serverCore)
            return try measure(proxy.port, proxy.process.pid)
        case .dispatch, .nio, .floor, .standard:
            throw SystemFailure(errno: ENOENT, purpose: "proxy with \(contender.rawValue)")
        }
    }

    /// - Parameter proxy: nil if there is none, which costs nothing.
    private func measure(_ port: UInt16, _ proxy: pid_t?) throws -> Sample {
        let benchmark = RedisBenchmark(port: port, depth: load.depth, machine: machine)
        // redis-benchmark takes a number of requests, not a time.
        let pace = try benchmark.run(.set, requests: 10_000 * load.depth)
        let requests = max(
            10_000, Int(pace.requestsPerSecond) * plan.echoMilliseconds / 1_000)
        let cpu = proxy.map(bench_cpu_ns_of) ?? 0
        let report = try benchmark.run(.get, requests: requests)
        let cpuAfter = proxy.map(bench_cpu_ns_of) ?? 0
        guard cpu >= 0, cpuAfter >= 0 else {
            throw SystemFailure(errno: ESRCH, purpose: "read the proxy's CPU time")
        }
        return Sample(
            operations: requests,
            wallNanoseconds: Int(Double(requests) * 1e9 / report.requestsPerSecond),
            cpuNanoseconds: Int(cpuAfter - cpu), latency: report.latency)
    }
}
