/// Looks names and addresses up, all at the same time.
///
/// It shows the resolver, which blocks no loop, and how its errors differ.
///
///     swift run --package-path Examples dns-lookup localhost example.org 127.0.0.1

import ArgumentParser
import AsyncCore

@main
struct DNSLookup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns-lookup",
        abstract: "Prints the addresses of each name, and the name of each address.")

    @Option(help: "Seconds for all of it.")
    var timeout = 10.0

    @Argument(help: "Names, or literal addresses.")
    var hosts: [String]

    func validate() throws {
        if !(timeout > 0 && timeout < 86_400) {
            throw ValidationError("--timeout must be more than 0, and less than a day")
        }
    }

    func run() throws {
        let (hosts, timeout) = (hosts, Duration.seconds(timeout))
        let answers = try EventLoop.run {
            try await gather(hosts) { try await answer($0, within: timeout) }
        }
        for (host, answer) in zip(hosts, answers) { print("\(host)  \(answer)") }
    }
}

/// What there is to say of a host.
func answer(_ host: String, within timeout: Duration) async throws -> String {
    let resolver = SystemResolver.shared
    do {
        return try await withTimeout(timeout) {
            if let address = try? SocketAddress(host, port: 0) {
                return try await resolver.name(of: address)
            }
            let addresses = try await resolver.addresses(of: host, port: 0)
            return addresses.map(\.host).joined(separator: " ")
        }
    } catch is TimeoutError {
        return "no answer within \(timeout)"
    } catch let error as ResolutionError {
        return "\(error)"
    }
}
