import CBenchSupport
import Glibc

/// What is done with many connections.
enum ConnectionLoad: Sendable {
    /// Each is used once, and held.
    case held
    /// Each is used once, and closed.
    case churned
}

/// One round of many connections: what they cost a server, what they hold, or what they leave.
struct ConnectionRound {
    let contender: Contender
    let load: ConnectionLoad
    let machine: Machine

    static let connections = 10_000
    /// When they are made and closed: so many are open at a time.
    static let atOnce: Int32 = 500

    func run() throws -> Sample {
        let server = try ServerProcess(echo: contender, lifetime: 60, machine: machine)
        let pid = server.process.pid
        // Whatever is made once is made now: room in tables, and the allocator's own.
        try machine.onLoadCore {
            let first = load == .held ? Self.atOnce : Int32(Self.connections)
            try check(bench_churn(server.port, first, Self.atOnce), "make and close connections")
        }
        try waitUntilIdle(pid)
        let before = try Footprint(pid)
        let began = (wall: bench_wall_ns(), cpu: bench_cpu_ns_of(pid))
        var held = [Int32]()
        defer { bench_release(held, Int32(held.count)) }
        try machine.onLoadCore {
            switch load {
            case .held:
                var connections = [Int32](repeating: -1, count: Self.connections)
                try check(
                    bench_hold(server.port, Int32(Self.connections), &connections),
                    "hold connections")
                held = connections
            case .churned:
                try check(
                    bench_churn(server.port, Int32(Self.connections), Self.atOnce),
                    "make and close connections")
            }
        }
        let wall = bench_wall_ns() - began.wall
        try waitUntilIdle(pid)
        let after = try Footprint(pid)
        return Sample(
            operations: Self.connections, wallNanoseconds: Int(wall),
            cpuNanoseconds: Int(bench_cpu_ns_of(pid) - began.cpu),
            holdings: Sample.Holdings(
                bytesPerConnection: Double(max(after.residentBytes - before.residentBytes, 0))
                    / Double(Self.connections),
                descriptors: after.descriptors - before.descriptors))
    }

    /// Until its CPU time stands still: it has seen the last connection close.
    private func waitUntilIdle(_ pid: pid_t) throws {
        var last = bench_cpu_ns_of(pid)
        for _ in 0..<500 {
            usleep(10_000)
            let now = bench_cpu_ns_of(pid)
            if now == last { return }
            last = now
        }
        throw SystemFailure(errno: ETIMEDOUT, purpose: "see the server idle")
    }
}

/// What a process holds.
private struct Footprint {
    let residentBytes: Int
    let descriptors: Int

    init(_ pid: pid_t) throws {
        guard let file = fopen("/proc/\(pid)/statm", "r") else {
            throw SystemFailure(errno: errno, purpose: "look at the server's memory")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else {
            throw SystemFailure(errno: EIO, purpose: "look at the server's memory")
        }
        // Its size, then what of it is resident, in pages.
        let numbers = String(
            decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
        )
        .split(separator: " ").compactMap { Int($0) }
        residentBytes = numbers.count > 1 ? numbers[1] * Int(getpagesize()) : 0

        guard let folder = opendir("/proc/\(pid)/fd") else {
            throw SystemFailure(errno: errno, purpose: "look at the server's descriptors")
        }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        descriptors = count
    }
}
