import ArgumentParser
import CBenchSupport
import Glibc

/// What every child is told: whose child it is, how long it may live, and where it may run.
struct ChildOptions: ParsableArguments {
    @Option var parent: Int32
    @Option var lifetime: UInt32
    @Option var core: Int32?

    /// Ties this process to its parent and to its core, before any thread is started.
    func apply() throws {
        try check(bench_end_with_parent(parent, lifetime), "end with the parent")
        if var core {
            try check(bench_confine(&core, 1), "run on core \(core)")
        }
    }
}

/// Child: an echo server. Prints the line `port N`, then serves until it is killed.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", shouldDisplay: false)

    @OptionGroup var child: ChildOptions
    @Argument var contender: Contender

    func run() throws {
        try child.apply()
        switch contender {
        case .epoll: try EchoEpoll.serve()
        case .dispatch: try EchoDispatch.serve()
        case .asynccore:
            #if ASYNCCORE
                try EchoAsyncCore.serve()
            #else
                throw ValidationError("built without AsyncCore")
            #endif
        case .nio, .direct, .floor, .standard: throw ValidationError("no such server")
        }
    }
}

/// Child: the proxy in C before a port. Prints the line `port N`, then serves until it is killed.
struct ProxyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "proxy", shouldDisplay: false)

    @OptionGroup var child: ChildOptions
    @Argument var target: UInt16

    func run() throws {
        try child.apply()
        let listener = try LoopbackListener()
        announce("port \(listener.port)")
        try check(bench_serve_proxy(listener.descriptor, target), "pass on")
    }
}

/// Child: becomes another program, which ends with the parent, and runs where it should, all the same.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", shouldDisplay: false)

    @OptionGroup var child: ChildOptions
    @Argument(parsing: .postTerminator) var command: [String]

    func run() throws {
        try child.apply()
        let strings: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        execvp(command[0], strings)
        throw SystemFailure(errno: errno, purpose: "run \(command[0])")
    }
}

/// Child: a peer that is a burden to the server on a port, until it is killed. Prints the line
/// `ready` once it is.
struct BurdenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "burden", shouldDisplay: false)

    @OptionGroup var child: ChildOptions
    @Argument var burden: EchoLoad.Burden
    @Argument var port: UInt16

    func run() throws {
        try child.apply()
        switch burden {
        case .nothing: break
        case .flood:
            announce("ready")
            try check(bench_flood(port), "flood")
        case .trickle:
            var connections = [Int32](repeating: -1, count: EchoLoad.trickling)
            try check(bench_hold(port, Int32(connections.count), &connections), "hold")
            announce("ready")
            try check(
                bench_trickle(
                    connections, Int32(connections.count), EchoLoad.tricklePeriodMilliseconds),
                "trickle")
        }
    }
}

/// Child: one micro-benchmark of one contender. Prints the line that `MicroSample` reads.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sample", shouldDisplay: false)

    @OptionGroup var child: ChildOptions
    @Argument var benchmark: String
    @Argument var contender: Contender
    @Argument var milliseconds: Int

    func run() throws {
        try child.apply()
        guard let runtime = runtime(of: contender), let batch = runtime.batch(for: benchmark) else {
            throw ValidationError("\(contender.rawValue) does not take part in \(benchmark)")
        }
        let sample = try runtime.run { [milliseconds] in
            try await batch.measure(forAtLeast: milliseconds)
        }
        announce(sample.encodedLine)
    }

    private func runtime(of contender: Contender) -> (any MicroRuntime.Type)? {
        switch contender {
        case .floor: MinimalFloor.self
        case .standard: DefaultExecutor.self
        case .asynccore:
            #if ASYNCCORE
                AsyncCoreLoop.self
            #else
                nil
            #endif
        case .epoll, .dispatch, .nio, .direct: nil
        }
    }
}

extension Contender: ExpressibleByArgument {}
extension EchoLoad.Burden: ExpressibleByArgument {}

/// Writes a line to the parent at once.
func announce(_ line: String) {
    print(line)
    fflush(nil)
}

/// A system call that failed, and what it was for.
struct SystemFailure: Error, CustomStringConvertible {
    let errno: Int32
    let purpose: String

    var description: String { "cannot \(purpose): \(String(cString: strerror(errno)))" }
}

/// Turns `-errno` into an error.
@discardableResult
func check(_ result: Int32, _ purpose: String) throws(SystemFailure) -> Int32 {
    guard result >= 0 else { throw SystemFailure(errno: -result, purpose: purpose) }
    return result
}
