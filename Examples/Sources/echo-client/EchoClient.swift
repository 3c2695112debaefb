/// A client for the echo server: it sends one message, or measures how fast answers come.
///
/// It shows connecting within a time limit, reading until an answer is complete, and many
/// connections at once by `gather`.
///
///     swift run --package-path Examples echo-client --port 8888 hello
///     swift run --package-path Examples -c release echo-client --port 8888 --count 10000 --connections 50
///
/// The second form makes that many round trips on each of the connections, and checks every answer.

import ArgumentParser
import AsyncCore

@main
struct EchoClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-client",
        abstract: "Sends a message to an echo server, or with --count measures its round trips.",
        usage: """
            echo-client [--host <host>] [--port <port>] <message>
            echo-client [--host <host>] [--port <port>] --count <n> [--connections <n>] [--size <bytes>]
            """)

    @Option(help: "The server's IPv4 or IPv6 address.")
    var host = "127.0.0.1"

    @Option(help: "The server's port.")
    var port = 8888

    @Option(help: "Round trips on each connection.")
    var count: Int?

    @Option(help: "Connections at the same time, with --count; 1 if not given.")
    var connections: Int?

    @Option(help: "Bytes of each message, with --count; 64 if not given, and 65536 at most.")
    var size: Int?

    @Argument(help: "What to send.")
    var message: String?

    func validate() throws {
        if (message == nil) == (count == nil) {
            throw ValidationError("give either a message or --count")
        }
        if message != nil, connections != nil || size != nil {
            throw ValidationError("--connections and --size go with --count")
        }
        if let message, message.isEmpty { throw ValidationError("the message is empty") }
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
        if let connections, connections < 1 {
            throw ValidationError("--connections must be at least 1")
        }
        if let size, !(1...65_536).contains(size) {
            throw ValidationError("--size must be from 1 to 65536")
        }
        _ = try address()
    }

    /// Where to, or a misuse that names what is wrong with the options.
    func address() throws -> SocketAddress {
        do {
            return try SocketAddress(host, port: port)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let address = try address()
        if let message {
            print(try EventLoop.run { try await ask(address, message) })
        } else if let count {
            let load = Load(count: count, connections: connections ?? 1, size: size ?? 64)
            print(try EventLoop.run { try await load.run(against: address) })
        }
    }
}

/// Sends one message and returns the answer. Five seconds are enough for both.
func ask(_ address: SocketAddress, _ message: String) async throws -> String {
    try await withTimeout(.seconds(5)) {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write(message)
            try await stream.finishWriting()
            // The server closes once it has answered everything.
            var answer: [UInt8] = []
            while let bytes = try await stream.read(upTo: 65_536) { answer += bytes }
            return String(decoding: answer, as: UTF8.self)
        }
    }
}

/// Round trips on several connections at once.
struct Load: Sendable {
    let count: Int
    let connections: Int
    let size: Int

    /// - Returns: The report, one line.
    func run(against address: SocketAddress) async throws -> String {
        let start = ContinuousClock.now
        // One task for each connection. The first that fails ends the others.
        _ = try await gather(0..<connections) { number in
            // The limit is for the connecting alone: the round trips may take their time.
            let stream = try await withTimeout(.seconds(5)) {
                try await TCPStream.connect(to: address)
            }
            try await stream.withConnection { stream in
                try await exchange(on: stream, number)
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let total = count * connections
        let rate = Int(Double(total) / seconds)
        return "\(total) round trips of \(size) bytes, \(connections) connections: "
            + "\(rate) per second"
    }

    private func exchange(on stream: TCPStream, _ number: Int) async throws {
        // Another pattern for each connection, so that a mix-up would be noticed.
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        for round in 1...count {
            try await stream.write(message)
            // TCP is a stream of bytes: the answer may come in pieces.
            var answer: [UInt8] = []
            while answer.count < size {
                guard let bytes = try await stream.read(upTo: size - answer.count) else {
                    throw WrongAnswer(round: round, reason: "the server closed the connection")
                }
                if answer.isEmpty { answer = bytes } else { answer += bytes }
            }
            if answer != message {
                throw WrongAnswer(round: round, reason: "the answer differs from what was sent")
            }
        }
    }
}

struct WrongAnswer: Error, CustomStringConvertible {
    let round: Int
    let reason: String

    var description: String { "round trip \(round): \(reason)" }
}
