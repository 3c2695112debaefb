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

/// One round of echo: starts servers, loads them, and reads their CPU times.
///
/// Without a pace all servers are loaded by turns, for less than a tenth of a second each time. A
/// virtual machine's processors work at more than one speed, by a third slower whenever the host
/// gives the other half of theirs to somebody else, and change it several times a second or every
/// ten: samples of seconds, one behind the other, compare neighbours rather than servers.
struct EchoRound {
    let contenders: [Contender]
    let load: EchoLoad
    let plan: Plan
    let machine: Machine

    private static let sliceMilliseconds = 80
    /// Until the caches hold what the server before had not used.
    private static let sliceWarmUpMilliseconds = 30

    /// A sample of each contender, or why there is none.
    func run() -> [Result<Sample, any Error>] {
        if load.pace != nil { return contenders.map(runAlone) }
        let slices = max(1, plan.echoMilliseconds / Self.sliceMilliseconds)
        let milliseconds =
            plan.echoWarmUpMilliseconds
            + slices * (Self.sliceMilliseconds + Self.sliceWarmUpMilliseconds)
        var servers = contenders.map { contender in
            Result { try start(contender, milliseconds * contenders.count) }
        }
        var samples = contenders.map { _ in [Sample]() }
        for slice in 0..<slices {
            let warmUp = slice == 0 ? plan.echoWarmUpMilliseconds : Self.sliceWarmUpMilliseconds
            for place in servers.indices {
                // Another begins each time, so that none follows itself more often than others do.
                let index = (place + slice) % servers.count
                guard case .success(let server) = servers[index] else { continue }
                do {
                    samples[index].append(
                        try server.drive(
                            warmUp: warmUp, milliseconds: Self.sliceMilliseconds, machine))
                } catch {
                    // Ends its process, too, which might disturb the others.
                    servers[index] = .failure(error)
                }
            }
        }
        return zip(servers, samples).map { server, slices in
            server.map { _ in Sample(slices: slices) }
        }
    }

    private func runAlone(_ contender: Contender) -> Result<Sample, any Error> {
        Result {
            let milliseconds = plan.echoWarmUpMilliseconds + plan.echoMilliseconds
            let server = try start(contender, milliseconds)
            return try server.drive(
                warmUp: plan.echoWarmUpMilliseconds, milliseconds: plan.echoMilliseconds, machine)
        }
    }

    private func start(_ contender: Contender, _ milliseconds: Int) throws -> LoadedServer {
        try LoadedServer(
            contender, load: load, lifetime: 30 + 2 * milliseconds / 1_000, machine: machine)
    }
}
