/// Who is measured. The raw value is what the command line and the JSON file say.
enum Contender: String, Codable, CaseIterable, Sendable {
    /// The hand-written epoll server in C.
    case epoll
    /// Dispatch read sources on one serial queue.
    case dispatch
    /// SwiftNIO.
    case nio
    /// Nobody in between.
    case direct
    /// This library.
    case asynccore
    /// The least executor that runs Swift tasks at all: what the runtime itself costs.
    case floor
    /// Swift's default executor, with what the standard library offers for the same purpose.
    case standard
}

/// One thing that is measured, and everybody who takes part in it.
struct Benchmark: Sendable {
    enum Kind: Sendable {
        /// Round trips of a server process under load from outside.
        case echo(EchoLoad)
        /// Many connections to a server process, held or made and closed.
        case connections(ConnectionLoad)
        /// Requests to a server process, from wrk.
        case http
        /// Requests to redis through a proxy process, from redis-benchmark.
        case proxy(ProxyLoad)
        /// A loop around one operation, in a process of its own.
        case micro
    }

    let name: String
    let kind: Kind
    /// What one operation is, for the table.
    let operation: String
    let contenders: [Contender]

    /// Every benchmark, in the order in which they run.
    static let all: [Benchmark] = [
        Benchmark(
            name: "echo", kind: .echo(EchoLoad(connections: 64, messageBytes: 64)),
            operation: "64 connections, 64 bytes",
            contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "echo-1000", kind: .echo(EchoLoad(connections: 1_000, messageBytes: 64)),
            operation: "1,000 connections, 64 bytes", contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "echo-16k", kind: .echo(EchoLoad(connections: 64, messageBytes: 16_384)),
            operation: "64 connections, 16 KiB", contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "echo-single", kind: .echo(EchoLoad(connections: 1, messageBytes: 64)),
            operation: "one connection, 64 bytes", contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "calm", kind: .echo(.paced(beside: .nothing)),
            operation: "10,000 a second on 1,000", contenders: [.epoll, .asynccore]),
        Benchmark(
            name: "flood", kind: .echo(.paced(beside: .flood)),
            operation: "the same beside a flood", contenders: [.asynccore]),
        Benchmark(
            name: "loris", kind: .echo(.paced(beside: .trickle)),
            operation: "the same beside 5,000 that trickle", contenders: [.epoll, .asynccore]),
        Benchmark(
            name: "idle", kind: .connections(.held), operation: "one of 10,000 idle connections",
            contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "churn", kind: .connections(.churned),
            operation: "one of 10,000 connections made and closed",
            contenders: [.epoll, .asynccore, .dispatch]),
        Benchmark(
            name: "http", kind: .http, operation: "64 connections, one request each",
            contenders: [.nio, .asynccore]),
        Benchmark(
            name: "proxy", kind: .proxy(ProxyLoad(depth: 1)),
            operation: "50 connections, one request each",
            contenders: [.epoll, .asynccore, .direct]),
        Benchmark(
            name: "proxy-16", kind: .proxy(ProxyLoad(depth: 16)),
            operation: "50 connections, 16 requests each",
            contenders: [.epoll, .asynccore, .direct]),
        Benchmark(
            name: "switch", kind: .micro, operation: "switch between two tasks, continuations",
            contenders: [.floor, .asynccore, .standard]),
        Benchmark(
            name: "switch-permit", kind: .micro, operation: "switch between two tasks, semaphores",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "spawn", kind: .micro, operation: "spawn one task and await it",
            contenders: [.floor, .asynccore, .standard]),
        Benchmark(
            name: "yield", kind: .micro, operation: "yield, two tasks in turn",
            contenders: [.floor, .asynccore, .standard]),
        Benchmark(
            name: "gather", kind: .micro, operation: "one of 1,000 tasks gathered",
            contenders: [.floor, .asynccore, .standard]),
        Benchmark(
            name: "permit", kind: .micro, operation: "acquire and release, nobody waits",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "permit-contended", kind: .micro,
            operation: "acquire, yield, release; 16 tasks, 3 permits",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "sleep", kind: .micro, operation: "one of 100,000 sleeps of 0 to 1 ms",
            contenders: [.floor, .asynccore, .standard]),
        Benchmark(
            name: "lock", kind: .micro, operation: "lock and unlock, nobody waits",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "event", kind: .micro, operation: "wait for an event that is set",
            contenders: [.asynccore]),
        Benchmark(
            name: "queue", kind: .micro, operation: "an item through a queue, two tasks",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "timeout", kind: .micro, operation: "a timeout around work that is ready",
            contenders: [.asynccore, .standard]),
        Benchmark(
            name: "timer", kind: .micro, operation: "one of 1,000,000 timers set and removed",
            contenders: [.asynccore]),
    ]

    /// The programs that it needs and that are not of this package.
    var tools: [Tool] {
        switch kind {
        case .http: [.wrk]
        case .proxy: [.redisServer, .redisBenchmark]
        case .echo, .connections, .micro: []
        }
    }

    var missingTools: [Tool] { tools.filter { !$0.isInstalled } }

    /// Says more exactly what a contender does here, where its name alone would mislead.
    func note(for contender: Contender) -> String {
        switch (name, contender) {
        case ("sleep", .floor): "minimal executor (tasks only, no sleep)"
        case ("gather", .standard): "default executor, task group"
        case ("gather", .floor): "minimal executor, task group"
        case ("switch-permit", .standard), ("permit", .standard), ("permit-contended", .standard):
            "default executor, actor semaphore"
        case ("lock", .standard): "default executor, an actor's method"
        case ("queue", .standard): "default executor, AsyncStream without a bound"
        case ("queue", .asynccore): "AsyncCore, bound of 256"
        case ("timeout", .standard): "default executor, two children that race"
        case ("timer", .asynccore): "CEventLoop"
        case ("idle", .asynccore), ("churn", .asynccore): "AsyncCore, readPooled(upTo:)"
        case ("http", .asynccore): "AsyncCore, http-hello"
        case ("proxy", .asynccore), ("proxy-16", .asynccore): "AsyncCore, tcp-proxy"
        case (_, .asynccore): "AsyncCore"
        case (_, .nio): "SwiftNIO"
        case (_, .direct): "none"
        case (_, .floor): "minimal executor"
        case (_, .standard): "default executor"
        case (_, .epoll): "raw epoll in C"
        case (_, .dispatch): "Dispatch read sources"
        }
    }
}

/// Contenders that this build can measure.
let availableContenders: Set<Contender> = {
    #if ASYNCCORE
        Set(Contender.allCases)
    #else
        Set(Contender.allCases).subtracting([.asynccore])
    #endif
}()
